"""Hostile ids, and sources and policies that share a few of them, so that keys nearly meet."""

from typing import Any, NamedTuple

from hypothesis import strategies as st

from app.routing.policy import Policy, PolicyFields, policy_from
from app.routing.route import Routing, route
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
    isolation=st.sampled_from(["per_user", "shared", "tagged", "thread", "person"]),
    thread_isolation=st.sampled_from(["tagged", "shared", "per_user", "inherit"]),
    dm_scope=st.sampled_from(["per_chat", "person", "main"]),
    missing_user=st.just("shared"),
    scoped_platforms=st.sets(platforms, max_size=4).map(tuple),
)


class Sent(NamedTuple):
    """A message and the policy that it meets."""

    agent: str
    source: Source
    policy: Policy
    message_id: str

    @property
    def routing(self) -> Routing:
        return route(Rulebook(self.policy), self.agent, "user", self.source, self.message_id)


def named(pool: list[Any]) -> st.SearchStrategy[dict[str, tuple[str, ...]]]:
    """Two names, as identities and links have them, of which each has some ids of its own."""
    some = [str(one) for one in pool]
    ids_within = [f"{scope}/{one}" for scope in some for one in some]
    entries = st.tuples(platforms, st.sampled_from([*some, *ids_within]))
    names = [name for name in dict.fromkeys([*some, "alice", "discord"]) if ":" not in name]
    parted = st.tuples(
        st.sampled_from(names),
        st.sampled_from(names),
        st.lists(entries.map(":".join), max_size=4, unique=True),
        st.integers(0, 4),
    )
    return parted.map(
        lambda parts: {
            parts[0]: tuple(parts[2][: parts[3]]),
            parts[1]: tuple(parts[2][parts[3] :]),
        }
    )


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
    """Two messages that share most of their ids, their agents and their policies."""
    pool = draw(st.lists(ids, min_size=1, max_size=3))
    messages: list[Sent] = []
    for _ in range(2):
        agent = str(draw(st.sampled_from([*pool, "main"])))
        policy = Policy(
            defaults=draw(settings), identities=draw(named(pool)), links=draw(named(pool))
        )
        message_id = str(draw(st.sampled_from(pool)))
        messages.append(Sent(agent, draw(sources(pool)), policy, message_id))
    one, other = messages
    if draw(st.booleans()):
        other = other._replace(policy=one.policy)
    if draw(st.booleans()):
        other = other._replace(agent=one.agent)
    return one, other


def rulebook(**defaults: Any) -> Rulebook:
    """A rulebook without rules."""
    return Rulebook(policy_from({"defaults": defaults}))
