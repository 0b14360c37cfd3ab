"""Who shares a session with whom, across chats; `relation_words` tells how to read it."""

from tests.routing.relation_words import APART, LINKS, PEOPLE, SAME, Row, Table, in_chats

PERSONS = [
    Table(
        "one session a person in chats; alice and bob have identities",
        in_chats(isolation="person") | {"identities": PEOPLE},
        [
            Row("discord group=1 2", "telegram group=5 1", SAME, "alice on two platforms"),
            Row("discord group=1 2", "slack channel=C^T1 U1", SAME, "alice in a workspace"),
            Row("discord group=1 2", "slack channel=C^T2 U1", APART, "another workspace's U1"),
            Row("discord group=1 2", "slack channel=C U1", APART, "a U1 without workspace"),
            Row("discord group=1 2", "discord group=1 3", APART, "alice and bob"),
            Row("discord group=1 2", "coder> discord group=1 2", APART, "two agents"),
            Row("discord group=1 9", "discord group=2 9", SAME, "a person without identity"),
            Row("discord group=1 9", "telegram group=1 9", APART, "9 is somebody else there"),
            Row("discord group=1@b 2", "discord group=1 2", SAME, "through any bot"),
            Row("discord group=1@b 9", "discord channel=7 9", SAME, "in any place"),
            Row("discord group=1 alice", "discord group=1 2", APART, "no id forges an identity"),
            Row("discord group=1/4 2", "discord group=1 2", APART, "a thread is tagged by itself"),
            Row("discord group=1/4 2", "discord group=1/4 3", SAME, "all people of a thread"),
            Row("discord dm=1 2", "discord group=1 2", APART, "DMs go by dm_scope"),
        ],
    ),
    Table(
        "one session a person in chats and DMs",
        in_chats(isolation="person", dm_scope="person") | {"identities": PEOPLE},
        [
            Row("discord dm 2", "telegram group=5 1", SAME, "alice, a DM and a group"),
            Row("discord dm 9", "discord group=5 9", SAME, "without identity too"),
            Row("discord dm 3", "discord group=5 2", APART, "bob and alice"),
        ],
    ),
    Table(
        "every person of a chat has a session; identities only name people",
        {"identities": PEOPLE},
        [
            Row("discord group=1 2", "telegram group=1 1", APART, "chats stay apart"),
            Row("discord dm 2", "telegram dm 1", APART, "DMs stay apart"),
        ],
    ),
]

DMS = [
    Table(
        "each DM is a session (the default)",
        {},
        [
            Row("telegram dm 1", "telegram dm 1", SAME, "one DM"),
            Row("telegram dm 1", "telegram dm=1 -", SAME, "the user stands in for the chat"),
            Row("telegram dm=5 1", "telegram dm=5 2", SAME, "a DM goes by its chat"),
            Row("telegram dm 1", "telegram dm 2", APART, "two DMs"),
            Row("telegram dm 1", "discord dm 1", APART, "two platforms"),
            Row("telegram dm@b 1", "telegram dm 1", APART, "two bots"),
            Row("slack dm=D^T1 1", "slack dm=D^T2 1", APART, "two workspaces"),
            Row("telegram dm=1 1", "telegram group=1 1", APART, "a DM is no group"),
        ],
    ),
    Table(
        "all DMs of a person are one",
        in_chats(dm_scope="person") | {"identities": PEOPLE},
        [
            Row("telegram dm 1", "discord dm 2", SAME, "alice on two platforms"),
            Row("slack dm=D9^T1 U1", "discord dm 2", SAME, "alice in a workspace"),
            Row("slack dm=D9^T2 U1", "discord dm 2", APART, "another workspace's U1"),
            Row("telegram dm 1", "telegram dm@b 1", SAME, "through any bot"),
            Row("telegram dm 1", "discord dm 3", APART, "alice and bob"),
            Row("telegram dm 9", "discord dm 9", APART, "nobody says that they are one"),
            Row("telegram dm 1", "coder> telegram dm 1", APART, "two agents"),
            Row("telegram dm=1/4 1", "telegram dm 1", APART, "a thread separates"),
            Row("telegram dm=1/4 1", "discord dm=2/4 2", APART, "threads are of their chats"),
            Row("telegram group=5 1", "discord group=5 2", APART, "groups go by isolation"),
        ],
    ),
    Table(
        "all DMs of a person are one; who has no id has his DM",
        in_chats(dm_scope="person", missing_user="shared"),
        [
            Row("telegram dm=5 -", "telegram dm=5 -", SAME, "one DM"),
            Row("telegram dm=5 -", "telegram dm=6 -", APART, "two DMs"),
            Row("telegram dm=5 -", "telegram dm=5 5", APART, "who has an id is a person"),
        ],
    ),
    Table(
        "all DMs of the agent are one",
        in_chats(dm_scope="main"),
        [
            Row("telegram dm 1", "discord dm 2", SAME, "all people, all platforms"),
            Row("telegram dm 1", "coder> telegram dm 1", APART, "two agents"),
            Row("telegram dm=1/4 1", "telegram dm 1", APART, "a thread separates"),
            Row("telegram dm=1/4 1", "telegram dm=2/4 2", APART, "threads are of their chats"),
            Row("telegram dm 1", "telegram group=5 1", APART, "groups stay apart"),
        ],
    ),
]

LINKED = [
    Table(
        "linked chats share one session",
        in_chats(isolation="shared") | {"links": LINKS},
        [
            Row("telegram group=-100 1", "discord group=55 9", SAME, "one family"),
            Row("telegram group=-100 1", "slack channel=C1^T1 9", SAME, "a scoped chat"),
            Row("telegram group=-100 1", "slack channel=C1^T2 9", APART, "another workspace's C1"),
            Row("telegram group=-100 1", "slack channel=C1 9", APART, "a C1 without workspace"),
            Row("telegram group=-100 1", "discord group=66 9", APART, "two links"),
            Row("telegram group=-100 1", "discord group=77 9", APART, "a chat in no link"),
            Row("discord channel=55 1", "discord group=55 1", SAME, "by whatever type"),
            Row("discord group=55@b 1", "discord group=55 1", SAME, "through any bot"),
            Row("discord group=55 1", "coder> discord group=55 1", APART, "two agents"),
            Row("telegram group=-100/9 1", "telegram group=-100 1", APART, "a thread separates"),
            Row("telegram group=-100/9 1", "discord group=55/9 1", APART, "threads of two chats"),
            Row("telegram group=-100/9 1", "telegram group=-100/9 2", SAME, "one thread"),
            Row("discord group=55/9@b 1", "discord group=55/9 1", APART, "threads of two bots"),
        ],
    ),
    Table(
        "linked chats share a session for every person",
        {"links": LINKS, "identities": PEOPLE},
        [
            Row("telegram group=-100 1", "discord group=55 2", SAME, "alice in both"),
            Row("telegram group=-100 1", "discord group=55 3", APART, "alice and bob"),
            Row("telegram group=-100 9", "discord group=55 9", APART, "9 is somebody else there"),
            Row("discord group=55 9", "discord channel=55 9", SAME, "by whatever type"),
            Row("discord group=55 2", "discord group=66 2", APART, "two links"),
        ],
    ),
    Table(
        "linked chats whose threads belong to them",
        in_chats(isolation="tagged", thread_isolation="inherit") | {"links": LINKS},
        [Row("telegram group=-100/9 1", "discord group=55 2", SAME, "inherited by the link")],
    ),
    Table(
        "linked chats with a session for every person of a thread",
        in_chats(thread_isolation="per_user") | {"links": LINKS, "identities": PEOPLE},
        [
            Row("discord group=55/9 2", "discord group=55/9 3", APART, "alice and bob"),
            Row("discord group=55/9 2", "discord group=55/9 2", SAME, "alice"),
            Row("discord group=55/9 2", "telegram group=-100/9 1", APART, "threads of two chats"),
        ],
    ),
    Table(
        "linked chats in which each message opens a thread",
        in_chats(isolation="thread") | {"links": LINKS},
        [
            Row("discord group=55 1#m1", "discord group=55/m1 2#m2", SAME, "its own thread"),
            Row("discord group=55 1#m1", "telegram group=-100 1#m1", APART, "threads of two chats"),
        ],
    ),
    Table(
        "one session a person, wherever chats are linked",
        in_chats(isolation="person") | {"links": LINKS, "identities": PEOPLE},
        [
            Row("telegram group=-100 1", "discord group=77 2", SAME, "alice, linked or not"),
            Row("telegram group=-100 1", "discord group=55 3", APART, "alice and bob"),
        ],
    ),
]
