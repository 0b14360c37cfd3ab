"""Hostile ids, and sources and policies that share a few of them, so that keys nearly meet."""

from typing import Any

from hypothesis import strategies as st

from app.routing.policy import PolicyFields, policy_from
from app.routing.rules import Rulebook
from session_router.models import Source

NASTY_IDS = [
    *(":", "/", "%", "%3A", "%253A", "%25", "::", "a:b", "a/b", "%74hread", "%6Dain"),
    *("agent", "account", "scope", "thread", "conversation", "opener", "person", "link"),
    *("main", "dm", "group", "channel", "forum", "Thread", "THREAD", "default", "discord"),
    *("thread:1", "scope:1", "account:a", "main:discord", "discord:1", "1:thread:2"),
    *(
        "é",
        "e\u0301",
        "ÅNGSTRÖM",
        "Å",
        "\u212b",
        "ß",
        "ẞ",
        "İ",
        "i",
        "I",
        "\U0001d7d9",
        "\U0001f600",
    ),
    *(" ", "  ", " a", "a ", "\t", "\n", "\r\n", "\x00", "\x1f", "\x7f", "\x85", "\xa0", "\u2028"),
    *("0", "00", "-1", "1", "01", "1.0", "x" * 512, ":" * 512, "é" * 512, "*", "{1}", "?", "#"),
]
ids = st.one_of(
    st.sampled_from(NASTY_IDS),
    st.text(alphabet=":/%aA1 é\u0301\n", min_size=1, max_size=5),
    st.text(min_size=1, max_size=20),
    st.integers(),
)
platforms = st.sampled_from(
    ["discord", "slack", "main", "person", "link", "thread", "agent", "a_-"]
)
settings = st.builds(
    PolicyFields,
    isolation=st.sampled_from(["per_user", "shared", "tagged"]),
    thread_isolation=st.sampled_from(["tagged", "shared", "per_user", "inherit"]),
    dm_scope=st.sampled_from(["per_chat", "main"]),
    missing_user=st.just("shared"),
    scoped_platforms=st.sets(platforms, max_size=4).map(tuple),
)


Sent = tuple[str, Source, PolicyFields]


def sources(pool: list[Any]) -> st.SearchStrategy[Source]:
    """Sources whose ids all come from `pool`."""
    some, maybe = st.sampled_from(pool), st.sampled_from([None, *pool])
    return st.tuples(
        platforms,
        st.one_of(st.just("default"), some),
        maybe,
        st.sampled_from(["dm", "group", "channel", "forum", "thread"]),
        some,
        st.tuples(some, maybe),
        maybe,
    ).map(_source)


def _source(parts: Any) -> Source:
    platform, account, scope, chat_type, chat_id, (some, maybe), user_id = parts
    return Source(
        platform=platform,
        account=account,
        scope=scope,
        chat_type=chat_type,
        chat_id=chat_id,
        thread_id=some if chat_type == "thread" else maybe,
        user_id=user_id,
    )


@st.composite
def pairs(draw: Any) -> tuple[Sent, Sent]:
    """Two messages, each an agent, a source and settings, that share most of their ids."""
    pool = draw(st.lists(ids, min_size=1, max_size=3))
    messages: list[Sent] = []
    for _ in range(2):
        agent = str(draw(st.sampled_from([*pool, "main"])))
        messages.append((agent, draw(sources(pool)), draw(settings)))
    if draw(st.booleans()):
        messages[1] = (messages[1][0], messages[1][1], messages[0][2])
    if draw(st.booleans()):
        messages[1] = (messages[0][0], messages[1][1], messages[1][2])
    return messages[0], messages[1]


def rulebook(**defaults: Any) -> Rulebook:
    """A rulebook without rules."""
    return Rulebook(policy_from({"defaults": defaults}))


def rulebook_of(fields: PolicyFields) -> Rulebook:
    """A rulebook without rules, its settings made already."""
    return rulebook(**fields.model_dump(exclude_unset=True))
