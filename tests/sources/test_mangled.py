"""Whatever a payload holds: an event that the router takes, nothing, or `UnreadablePayload`."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from copy import deepcopy
from types import ModuleType
from typing import Any

import pytest
from hypothesis import given, settings, strategies as st

from session_router.events import ChatMoved, Deletion, Edit, Event, Incoming
from session_router.models import AmendRequest, Message, MoveRequest
from session_router.sources import (
    UnreadablePayload,
    discord,
    matrix,
    signal,
    slack,
    telegram,
    whatsapp_cloud,
    whatsapp_web,
)
from tests.sources.payloads import (
    discord as of_discord,
    matrix as of_matrix,
    signal as of_signal,
    slack as of_slack,
    telegram as of_telegram,
    whatsapp_cloud as of_cloud,
    whatsapp_web as of_web,
)

Payload = Mapping[str, Any]
Read = Callable[[Payload, bool], Event | None]

JUNK = st.one_of(
    st.sampled_from([None, True, False, 0, -1, 10**400, 0.5, float("nan"), float("inf")]),
    st.sampled_from(
        ["", "x" * 600, "\ud800", "ask:" + "p" * 600 + ":", "/stop@", "<@U" + "A" * 600]
    ),
    st.sampled_from(["x" * 507 + "@c.us", "@lid", "x" * 512, "[", '{"id": 1}']),
    st.sampled_from(["REVOKE", "edit", "m.replace"]),
    st.sampled_from([[], {}, [[]], [None], [{}], {"": 0}, {1: 2}, {"id": []}, {"type": "mention"}]),
    st.integers(),
    st.text(max_size=20),
    st.dictionaries(
        st.sampled_from(["id", "type", "text", "chat", "ts"]), st.integers(), max_size=3
    ),
)


REFUSED = (
    of_discord.IN_UNKNOWN_THREAD,
    of_matrix.REDACTION_OF_NOTHING,
    of_signal.NO_SOURCE,
    of_web.EDIT_IN_UPDATE_WITHOUT_ID,
)


def nested(depth: int) -> Any:
    return [nested(depth - 1)] if depth else "deep"


def payloads_of(module: ModuleType) -> list[Payload]:
    """All that the module names in capitals, albums part by part; what is refused is left out."""
    named = [value for name, value in vars(module).items() if name.isupper()]
    parts = [part for value in named for part in (value if isinstance(value, list) else [value])]
    return [part for part in parts if isinstance(part, dict) and part not in REFUSED]


def read_telegram(payload: Payload, overhears: bool) -> Event | None:
    return telegram.read(payload, account="7000", bot_name="helper_bot", overhears=overhears)


def read_discord(payload: Payload, overhears: bool) -> Event | None:
    return discord.read(
        payload,
        account="9000",
        parent_of=of_discord.parents.get,
        overhears=overhears,
        opens_threads=not overhears,
    )


def read_slack(payload: Payload, overhears: bool) -> Event | None:
    return slack.read(payload, bot_user_id="UBOT", overhears=overhears, opens_threads=not overhears)


def read_cloud(payload: Payload, overhears: bool) -> Event | None:
    return whatsapp_cloud.read(payload, overhears=overhears)


def read_web(payload: Payload, overhears: bool) -> Event | None:
    return whatsapp_web.read(
        payload, account=of_web.BOT, own_lid=of_web.BOT_LID, overhears=overhears
    )


def read_signal(payload: Payload, overhears: bool) -> Event | None:
    return signal.read(payload, account=of_signal.BOT, overhears=overhears)


def read_matrix(payload: Payload, overhears: bool) -> Event | None:
    return matrix.read(
        payload,
        account=of_matrix.BOT,
        is_direct=not overhears,
        room_id=of_matrix.ROOM_ID,
        overhears=overhears,
        author_of={of_matrix.TARGET: of_matrix.BOT}.get if overhears else matrix.not_known,
    )


def whole(payload: Payload) -> Sequence[Payload]:
    return (payload,)


PLATFORMS = [
    pytest.param(of_telegram, read_telegram, telegram.split, id="telegram"),
    pytest.param(of_discord, read_discord, discord.split, id="discord"),
    pytest.param(of_slack, read_slack, whole, id="slack"),
    pytest.param(of_cloud, read_cloud, whatsapp_cloud.split, id="whatsapp_cloud"),
    pytest.param(of_web, read_web, whole, id="whatsapp_web"),
    pytest.param(of_signal, read_signal, whole, id="signal"),
    pytest.param(of_matrix, read_matrix, whole, id="matrix"),
]


def places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Every place of a payload: what holds it, and its name or index there."""
    names: Sequence[Any] = ()
    if isinstance(value, dict):
        names = list(value)
    elif isinstance(value, list):
        names = range(len(value))
    for name in names:
        yield value, name
        yield from places(value[name])


def mangle(payload: Payload, data: st.DataObject) -> Payload:
    """Return the payload with a few of its fields removed or replaced."""
    mangled = deepcopy(dict(payload))
    for _ in range(data.draw(st.integers(1, 4), "changes")):
        found = list(places(mangled))
        if not found:
            break
        holder, name = found[data.draw(st.integers(0, len(found) - 1), "place")]
        if data.draw(st.booleans(), "removed"):
            del holder[name]
        else:
            holder[name] = deepcopy(data.draw(JUNK, "instead"))
    return mangled


def accept(event: Event | None) -> None:
    """Make the request that a gateway would send of an event."""
    if isinstance(event, Incoming):
        Message.model_validate_json(Message(**dict(event), consumer="gw-1").model_dump_json())
    elif isinstance(event, Edit):
        AmendRequest(source=event.source, message_id=event.message_id, text=event.text)
    elif isinstance(event, Deletion):
        AmendRequest(source=event.source, message_id=event.message_id, delete=True)
    elif isinstance(event, ChatMoved):
        moved = event.model_dump(exclude={"moved_from"})
        MoveRequest.model_validate({**moved, "from": event.moved_from})


@pytest.mark.parametrize(("module", "read", "split"), PLATFORMS)
def test_every_payload_of_the_documentation_is_read_alike_twice_and_left_as_it_was(
    module: ModuleType, read: Read, split: Callable[[Payload], Sequence[Payload]]
) -> None:
    assert len(payloads_of(module)) >= 15
    for payload in payloads_of(module):
        before = deepcopy(payload)
        for part in split(payload):
            for overhears in (False, True):
                event = read(part, overhears)
                assert event == read(part, overhears)
                accept(event)
        assert payload == before


@pytest.mark.parametrize(("module", "read", "split"), PLATFORMS)
@settings(max_examples=300, deadline=None)
@given(data=st.data(), overhears=st.booleans())
def test_a_mangled_payload_is_read_or_refused_and_left_as_it_was(
    module: ModuleType,
    read: Read,
    split: Callable[[Payload], Sequence[Payload]],
    data: st.DataObject,
    overhears: bool,
) -> None:
    payload = mangle(data.draw(st.sampled_from(payloads_of(module))), data)
    before = repr(payload)
    try:
        parts = split(payload)
    except UnreadablePayload:
        parts = ()
    for part in (payload, *parts):
        try:
            event = read(part, overhears)
        except UnreadablePayload:
            continue
        accept(event)
        assert read(part, overhears) == event
    assert repr(payload) == before


@pytest.mark.parametrize(
    "read",
    [read_telegram, read_discord, read_slack, read_cloud, read_web, read_signal, read_matrix],
)
@pytest.mark.parametrize("payload", [None, [], "text", 7])
def test_what_is_no_dict_is_refused(read: Read, payload: Any) -> None:
    with pytest.raises(UnreadablePayload, match=r"^the payload is not an object$"):
        read(payload, False)


@pytest.mark.parametrize(
    "location", [nested(500), {"latitude": float("nan")}, {1: 2}, {"\ud800": 1}, 10**400]
)
def test_what_the_router_could_not_give_back_is_refused(location: object) -> None:
    payload = deepcopy(of_telegram.LOCATION)
    payload["message"]["location"] = location
    with pytest.raises(UnreadablePayload, match="is not JSON that can be given back"):
        read_telegram(payload, False)
