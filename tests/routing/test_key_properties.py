"""Invariant I7 over hostile ids: keys are equal exactly where the policy lets them be."""

from typing import Any

from hypothesis import given, settings, strategies as st

from app.routing import keys
from tests.routing.strategies import Sent, pairs

PREDICTABLE = ("discord", "slack", "matrix")


def projected(sent: Sent) -> tuple[Any, ...]:  # noqa: PLR0911 (one for each kind of key)
    """What the policy lets count of a message: a second, plain statement of section 3."""
    agent, source, policy, message_id = sent
    fields = policy.defaults
    scope = source.scope if source.platform in fields.scoped_platforms else None
    chat = (agent, source.platform, source.account, scope, source.chat_id)
    inside, thread_id = fields.thread_isolation, source.thread_id
    if fields.isolation == "thread":
        inside = "tagged" if inside == "inherit" else inside
        if thread_id is None and source.chat_type != "dm":
            if source.platform not in PREDICTABLE:
                return (
                    "opener",
                    chat,
                    message_id,
                    source.user_id if inside == "per_user" else None,
                )
            thread_id = message_id
    spanning = spanning_dm(sent) if source.chat_type == "dm" else spanning_chat(sent)
    if thread_id is not None and inside != "inherit":
        user_id = source.user_id if inside == "per_user" else None
        if spanning is None:
            return ("thread", chat, thread_id, user_id)
        return (*spanning, "in", chat, thread_id, None if user_id is None else person(sent))
    if source.chat_type == "dm":
        return spanning or ("dm", chat)
    own = fields.isolation in {"per_user", "person"} and person(sent) is not None
    if own and fields.isolation == "person":
        return ("person", agent, person(sent))
    if spanning is not None:
        return (*spanning, "of", person(sent) if own else None)
    chat_type = "group" if source.chat_type == "thread" else source.chat_type
    return (chat_type, chat, source.user_id if own else None)


def spanning_dm(sent: Sent) -> tuple[Any, ...] | None:
    dm_scope = sent.policy.defaults.dm_scope
    if dm_scope == "main":
        return ("main", sent.agent)
    if dm_scope == "person" and person(sent) is not None:
        return ("person", sent.agent, person(sent))
    return None


def spanning_chat(sent: Sent) -> tuple[Any, ...] | None:
    link = who(sent, sent.policy.links, sent.source.chat_id)
    return ("link", sent.agent, link) if isinstance(link, str) else None


def person(sent: Sent) -> object:
    user_id = sent.source.user_id
    return None if user_id is None else who(sent, sent.policy.identities, user_id)


def who(sent: Sent, named: dict[str, tuple[str, ...]], id_: str) -> object:
    """The name under which an id of the message's platform stands, else that id in full."""
    source, scoped = sent.source, sent.policy.defaults.scoped_platforms
    scope = source.scope if source.platform in scoped else None
    found = None
    for name, entries in named.items():
        for entry in entries:
            platform, _, rest = entry.partition(":")
            first, slash, last = rest.partition("/")
            meant = (first, last) if slash and platform in scoped else (None, rest)
            if (platform, *meant) == (source.platform, scope, id_):
                found = name
    return found or (source.platform, scope, id_)


@settings(max_examples=250, deadline=None)
@given(pairs())
def test_keys_are_equal_exactly_where_the_projections_are(pair: tuple[Sent, Sent]) -> None:
    same = projected(pair[0]) == projected(pair[1])
    assert (pair[0].routing.key == pair[1].routing.key) is same


@settings(max_examples=100, deadline=None)
@given(pairs())
def test_places_are_equal_exactly_where_platform_account_scope_chat_and_thread_are(
    pair: tuple[Sent, Sent],
) -> None:
    def parts(sent: Sent) -> tuple[Any, ...]:
        source, thread_id = sent.source, sent.source.thread_id or sent.routing.thread_id
        return source.platform, source.account, source.scope, source.chat_id, thread_id

    same = parts(pair[0]) == parts(pair[1])
    assert (pair[0].routing.place == pair[1].routing.place) is same


@settings(max_examples=100, deadline=None)
@given(pairs(), st.integers(1, 4_096))
def test_a_key_tells_its_chat_agent_platform_and_shard(
    pair: tuple[Sent, Sent], shards: int
) -> None:
    agent, source, *_ = pair[0]
    routing = pair[0].routing
    assert keys.agent_of(routing.key) == agent
    assert keys.platform_of(routing.key) == ("*" if routing.spans else source.platform)
    assert keys.chat_of(routing.key) == (None if routing.spans else routing.chat)
    assert keys.lives_in(routing.key) == routing.lives_in
    assert keys.chat_id_of(routing.key) == (None if routing.spans else source.chat_id)
    if not routing.spans:
        shard = keys.shard_of(str(keys.chat_of(routing.key)), shards)
        assert shard == keys.shard_of(routing.chat, shards)
        assert 0 <= shard < shards


@settings(max_examples=100, deadline=None)
@given(pairs(), st.integers(1, 4_096))
def test_whoever_shares_a_session_agrees_on_its_shard(pair: tuple[Sent, Sent], shards: int) -> None:
    one, other = pair[0].routing, pair[1].routing
    if one.key == other.key:
        assert one.spans == other.spans
        assert one.spans or one.chat == other.chat
        assert keys.shard_of(keys.chat_of(one.key) or one.key, shards) == keys.shard_of(
            keys.chat_of(other.key) or other.key, shards
        )


@settings(max_examples=100, deadline=None)
@given(pairs())
def test_an_opener_bound_to_a_thread_is_bound_as_what_is_sent_there_looks_for(
    pair: tuple[Sent, Sent],
) -> None:
    opener, inside = pair[0], pair[1]._replace(policy=pair[0].policy)
    thread_id = inside.source.thread_id
    if not keys.opens_unknown(opener.routing.key) or thread_id is None:
        return
    same_chat = opener.routing.chat == inside.routing.chat and inside.source.chat_type != "dm"
    bound_as = keys.thread_to_bind(opener.routing.key, thread_id)
    own = opener.policy.defaults.thread_isolation == "per_user"
    same_user = not own or opener.source.user_id == inside.source.user_id
    assert (bound_as == inside.routing.bound_as) is (same_chat and same_user)


@settings(max_examples=100, deadline=None)
@given(pairs())
def test_a_key_tells_whether_a_message_opened_it(pair: tuple[Sent, Sent]) -> None:
    for sent in pair:
        if sent.source.thread_id is None:
            routing = sent.routing
            assert keys.is_opened_by(routing.key, sent.message_id) is routing.opens_thread
            assert keys.opens_unknown(routing.key) is (
                routing.opens_thread and routing.thread_id is None
            )


@settings(max_examples=100, deadline=None)
@given(pairs(), st.data())
def test_a_damaged_key_is_refused_or_is_another_key_in_full(
    pair: tuple[Sent, Sent], data: Any
) -> None:
    key = pair[0].routing.key
    at = data.draw(st.integers(0, len(key)))
    cut = data.draw(st.integers(0, 2))
    damaged = key[:at] + data.draw(st.text(":/%a3", max_size=2)) + key[at + cut :]
    try:
        keys.chat_of(damaged)
    except keys.InvalidKey:
        return
    segments = [part for segment in damaged.split(":") for part in segment.split("/")]
    assert all(
        segment in {"", *keys.LAYOUT_WORDS} or keys.encode(keys.decode(segment)) == segment
        for segment in segments
    )
