"""Who shares a session with whom, in chats and threads; `relation_words` tells how to read it."""

from tests.routing.relation_words import APART, PEOPLE, SAME, Row, Table, in_chats
from tests.routing.relations_of_people import DMS, LINKED, PERSONS

CHATS = [
    Table(
        "every person of a chat has a session (the default)",
        {},
        [
            Row("discord group=1 7", "discord group=1 7", SAME, "one person, one chat"),
            Row("discord group=1 7", "discord group=1 8", APART, "two people"),
            Row("discord group=1 7", "discord group=2 7", APART, "two chats"),
            Row("discord group=1 7", "telegram group=1 7", APART, "two platforms"),
            Row("discord group=1 7", "discord channel=1 7", APART, "another type of chat"),
            Row("discord channel=1 7", "discord forum=1 7", APART, "another type of chat"),
            Row("discord group=1 7", "coder> discord group=1 7", APART, "two agents"),
            Row("Main> discord group=1 7", "main> discord group=1 7", APART, "agents keep case"),
            Row("discord group=1@b 7", "discord group=1 7", APART, "two bots in one chat"),
            Row("discord group=1@b 7", "discord group=1@B 7", APART, "accounts keep case"),
            Row("discord group=1@default 7", "discord group=1 7", SAME, "the default account"),
            Row("discord group=1^G 7", "discord group=1 7", SAME, "its chat ids need no scope"),
            Row("slack group=1^T1 7", "slack group=1^T2 7", APART, "a workspace is a scope"),
            Row("slack group=1^T1 7", "slack group=1^t1 7", APART, "scopes keep case"),
            Row("slack group=1^T1 7", "slack group=1 7", APART, "a scope is missing"),
            Row("irc channel=#a^libera 7", "irc channel=#a^oftc 7", APART, "two networks"),
            Row("mattermost group=1^a 7", "mattermost group=1^a 7", SAME, "one team"),
            Row("discord group=1 ann", "discord group=1 Ann", APART, "ids keep case"),
            Row("discord group=a 7", "discord group=A 7", APART, "chats keep case"),
            Row("discord group=1 é", "discord group=1 e\u0301", APART, "nothing is normalised"),
            Row("discord group=1 K", "discord group=1 \u212a", APART, "the Kelvin sign is no K"),
            Row("discord group=1 ß", "discord group=1 ss", APART, "nothing is folded"),
            Row("discord group=1 İ", "discord group=1 i", APART, "nothing is folded"),
            Row("discord group=1 7", "discord group=1 _7", APART, "nothing is trimmed"),
            Row("discord group=1 7", "discord group=1 07", APART, "ids are no numbers"),
            Row("discord group=1 7", "discord group=1 \u0667", APART, "digits of another script"),
            Row("discord group=1 7", "discord group=1 7\u200b", APART, "the invisible counts"),
            Row("discord group=1 thread:9", "discord group=1/9 -", APART, "no id forges a part"),
            Row("discord group=1:2 3", "discord group=1 2:3", APART, "a colon is no border"),
            Row("discord group=1%3A2 3", "discord group=1:2 3", APART, "no spelling is forged"),
            Row("slack group=b^a:b 7", "slack group=b:b^a 7", APART, "a scope ends where it ends"),
        ],
    ),
    Table(
        "one session for the whole chat",
        in_chats(isolation="shared"),
        [
            Row("discord group=1 7", "discord group=1 8", SAME, "all people of a chat"),
            Row("discord group=1 7", "discord group=1 -", SAME, "no user is needed"),
            Row("discord group=1 7", "discord group=2 7", APART, "two chats"),
            Row("discord group=1 7", "discord group=1/9 7", APART, "a thread is tagged by itself"),
            Row("discord group=1@b 7", "discord group=1 7", APART, "two bots"),
            Row("discord dm=1 7", "discord group=1 7", APART, "a DM is no group"),
            Row("discord dm=1 7", "discord dm=2 8", APART, "DMs go by dm_scope"),
        ],
    ),
    Table(
        "one session for the chat, every message tagged with its sender",
        in_chats(isolation="tagged"),
        [
            Row("discord channel=1 7", "discord channel=1 8", SAME, "all people of a chat"),
            Row("discord channel=1 7", "discord channel=1 -", SAME, "no user is needed"),
            Row("discord channel=1 7", "discord channel=3 7", APART, "two chats"),
            Row("slack channel=1^T1 7", "slack channel=1^T2 7", APART, "two workspaces"),
            Row("slack channel=1^T1 7", "slack channel=1^T1 8", SAME, "one channel"),
        ],
    ),
    Table(
        "a person of a chat without an id shares the chat's session",
        in_chats(missing_user="shared"),
        [
            Row("discord group=1 -", "discord group=1 -", SAME, "whoever has no id"),
            Row("discord group=1 -", "discord group=1 7", APART, "who has one has a session"),
            Row("discord group=1 -", "discord group=2 -", APART, "two chats"),
            Row("discord group=1 -", "discord group=1 -1", APART, "a dash is no id"),
        ],
    ),
    Table(
        "no platform has scopes",
        in_chats(scoped_platforms=[]),
        [
            Row("slack group=1^T1 7", "slack group=1^T2 7", SAME, "its ids are unique anyway"),
            Row("slack group=1^T1 7", "slack group=1 7", SAME, "the scope counts nowhere"),
        ],
    ),
    Table(
        "guilds are scopes",
        in_chats(scoped_platforms=["discord"]),
        [
            Row("discord group=1^G1 7", "discord group=1^G2 7", APART, "ids repeat in guilds"),
            Row("discord group=1^G1 7", "discord group=1^G1 7", SAME, "one guild"),
        ],
    ),
    Table(
        "support channels are tagged, the rest is per user",
        {"rules": [{"match": {"chat_id": "5*"}, "set": {"isolation": "tagged"}}]},
        [
            Row("discord group=55 7", "discord group=55 8", SAME, "the rule's chat"),
            Row("discord group=4 7", "discord group=4 8", APART, "another chat"),
            Row("discord group=55 7", "discord group=56 7", APART, "two chats of one rule"),
        ],
    ),
]

THREADS = [
    Table(
        "inside a thread all people share a tagged session (the default)",
        {},
        [
            Row("discord group=1/9 7", "discord group=1/9 8", SAME, "all people of a thread"),
            Row("discord group=1/9 7", "discord group=1/9 -", SAME, "no user is needed"),
            Row("discord group=1/9 7", "discord group=1/8 7", APART, "two threads"),
            Row("discord group=1/9 7", "discord group=1 7", APART, "inside and outside"),
            Row("discord group=1/9 7", "discord group=2/9 7", APART, "thread ids repeat in chats"),
            Row("discord group=1/9 7", "discord thread=1/9 7", SAME, "a thread by any name"),
            Row("discord forum=1/9 7", "discord channel=1/9 8", SAME, "a thread by any name"),
            Row("discord group=1/a 7", "discord group=1/A 7", APART, "threads keep case"),
            Row("discord group=1/9@b 7", "discord group=1/9 7", APART, "two bots"),
            Row("slack group=1/9^T1 7", "slack group=1/9^T2 7", APART, "two workspaces"),
            Row("discord dm=1/9 7", "discord dm=1 7", APART, "a thread separates in a DM too"),
            Row("discord dm=1/9 7", "discord dm=1/8 7", APART, "two threads of a DM"),
        ],
    ),
    Table(
        "inside a thread everything is shared",
        in_chats(thread_isolation="shared"),
        [
            Row("discord group=1/9 7", "discord group=1/9 8", SAME, "all people of a thread"),
            Row("discord group=1/9 7", "discord group=1 7", APART, "inside and outside"),
        ],
    ),
    Table(
        "inside a thread every person has a session",
        in_chats(thread_isolation="per_user"),
        [
            Row("discord group=1/9 7", "discord group=1/9 7", SAME, "one person, one thread"),
            Row("discord group=1/9 7", "discord group=1/9 8", APART, "two people"),
            Row("discord group=1/9 7", "discord group=1/8 7", APART, "two threads"),
            Row("discord group=1/9 7", "discord group=1 7", APART, "inside and outside"),
        ],
    ),
    Table(
        "a thread belongs to its chat: per user",
        in_chats(thread_isolation="inherit"),
        [
            Row("discord group=1/9 7", "discord group=1 7", SAME, "the thread is the chat"),
            Row("discord group=1/9 7", "discord group=1/8 7", SAME, "all its threads are"),
            Row("discord group=1/9 7", "discord group=1 8", APART, "two people"),
            Row("discord thread=1/9 7", "discord group=1 7", SAME, "its parent is a group"),
            Row("discord thread=1/9 7", "discord channel=1 7", APART, "unless it says so"),
            Row("discord dm=1/9 7", "discord dm=1 7", SAME, "the thread is the DM"),
        ],
    ),
    Table(
        "a thread belongs to its chat: shared",
        in_chats(thread_isolation="inherit", isolation="shared"),
        [
            Row("discord forum=1/9 7", "discord forum=1/8 8", SAME, "all threads, all people"),
            Row("discord forum=1/9 7", "discord forum=2/9 7", APART, "two forums"),
        ],
    ),
    Table(
        "a thread belongs to its chat: tagged",
        in_chats(thread_isolation="inherit", isolation="tagged"),
        [
            Row("discord group=1/9 7", "discord group=1 8", SAME, "all threads, all people"),
            Row("discord group=1/9 7", "discord group=2 7", APART, "two chats"),
        ],
    ),
    Table(
        "a thread belongs to its chat: per person",
        in_chats(thread_isolation="inherit", isolation="person") | {"identities": PEOPLE},
        [
            Row("discord group=1/9 2", "telegram group=5 1", SAME, "alice, wherever she is"),
            Row("discord group=1/9 2", "discord group=1/9 3", APART, "alice and bob"),
        ],
    ),
    Table(
        "a thread belongs to its DM, and the DM to the person",
        in_chats(thread_isolation="inherit", dm_scope="person") | {"identities": PEOPLE},
        [
            Row("discord dm=9/4 2", "telegram dm 1", SAME, "alice, in a thread or not"),
            Row("discord dm=9/4 3", "telegram dm 1", APART, "bob and alice"),
        ],
    ),
    Table(
        "a thread belongs to its DM, and all DMs are one",
        in_chats(thread_isolation="inherit", dm_scope="main"),
        [Row("discord dm=9/4 2", "telegram dm 1", SAME, "one session for all")],
    ),
]

OWN_THREADS = [
    Table(
        "each message opens a thread of its own",
        in_chats(isolation="thread"),
        [
            Row("discord group=1 7#m1", "discord group=1 7#m2", APART, "two threads"),
            Row("discord group=1 7#m1", "discord group=1/m1 7#m2", SAME, "its thread is named m1"),
            Row("slack channel=1^T 7#m1", "slack channel=1/m1^T 8#m2", SAME, "named m1"),
            Row("matrix group=1 7#m1", "matrix thread=1/m1 8#m2", SAME, "named m1"),
            Row("slack channel=1^T 7#m1", "slack channel=1/m1^U 7#m2", APART, "two workspaces"),
            Row("discord group=1 7#m1", "discord group=1/m2 7#m1", APART, "another thread"),
            Row("discord group=1 7#m1", "discord group=2/m1 7#m2", APART, "another chat's thread"),
            Row(
                "discord group=1 7#m1", "discord channel=1 8#m1", SAME, "sent again, it is the same"
            ),
            Row("telegram group=1 7#m1", "telegram group=1/m1 7#m2", APART, "not known before"),
            Row("telegram group=1 7#m1", "telegram group=1 7#m1", SAME, "sent again"),
            Row("telegram group=1 7#m1", "telegram group=1 7#m2", APART, "two threads"),
            Row("telegram group=1 7#m1", "telegram group=2 7#m1", APART, "ids repeat in chats"),
            Row("telegram group=1/9 7#m1", "telegram group=1/9 8#m2", SAME, "inside one thread"),
            Row("discord dm=1 7#m1", "discord dm=1 7#m2", SAME, "a DM opens no threads"),
        ],
    ),
    Table(
        "each message opens a thread, and every person has a session in it",
        in_chats(isolation="thread", thread_isolation="per_user"),
        [
            Row("discord group=1 7#m1", "discord group=1/m1 7#m2", SAME, "who opened it"),
            Row("discord group=1 7#m1", "discord group=1/m1 8#m2", APART, "somebody else in it"),
        ],
    ),
    Table(
        "each message opens a thread, where there is nothing to inherit",
        in_chats(isolation="thread", thread_isolation="inherit"),
        [
            Row("discord group=1 7#m1", "discord group=1/m1 8#m2", SAME, "as if it were tagged"),
            Row("discord group=1/4 7#m1", "discord group=1/5 7#m2", APART, "as if it were tagged"),
            Row("discord group=1/4 7#m1", "discord group=1 7#m2", APART, "as if it were tagged"),
        ],
    ),
]

TABLES = [*CHATS, *THREADS, *OWN_THREADS, *PERSONS, *DMS, *LINKED]
