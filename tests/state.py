"""The whole state of a store, decoded.

`dump` shows every key without its tag, times in milliseconds and numbers of the fence in
microseconds since `EPOCH_US`, so that a test can say exactly what is there and nothing else.
"""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from app.store import keys
from tests.packed import unpack, unpack_all, unpack_map

EPOCH_US = 1_795_328_956_000_000  # 2026-11-22T06:29:16Z
EPOCH_MS = EPOCH_US // 1000

State = dict[str, Any]
"""A decoded store: key without its tag to value; of several shards, `shard/key`."""

TIMES = {
    *("lease_at", "over_at", "retry_at", "debounce_at", "group_at", "expire_at", "last_at"),
    "bots_at",
}
RUN_TIMES = {"started_at", "max_at", "interrupt_at", "grace_at", "prompt_until", "asked_at"}
POSTS = {"sent", "sent_before"}
NUMBERS = {
    *("seq", "fails", "back", "tokens", "limit", "keep_ms", "bots"),
    *("done", "dead", "removed", "omitted"),
}
DAY = 86_400
TTL_STEP_MS = 300_000


@dataclass(frozen=True)
class M:
    """A message in a queue or a batch, or a dead one. `fence` is of the last run it was in."""

    id: str
    seq: int
    sender: str
    at: int = 0
    decision: str = "queue"
    fence: int | None = None
    granted_at: int | None = None
    returns: int = 0
    place: str = "discord:default::room:"
    kind: str = "user"
    owns: bool = True
    expires_at: int | None = None
    offered: int | None = None
    amended: str = ""
    text: str = field(default="", compare=False)
    body: Mapping[str, Any] = field(default_factory=dict, compare=False)
    home: str = field(default="", compare=False)
    print: str = field(default="", compare=False)
    user: str = field(default="", compare=False)
    group: str = ""
    group_until: int | None = None
    answers: str = ""


@dataclass(frozen=True)
class Home:
    """The one record of an accepted id. `ttl` is in seconds, None while it is kept."""

    session: str
    state: str
    decision: str = "queue"
    reason: str = ""
    fence: int | None = None
    accepted_at: int = 0
    granted_at: int | None = None
    since: int | None = None
    ttl: int | None = None
    amended: str = ""
    digest: str = field(default="", compare=False)
    print: str = field(default="", compare=False)


@dataclass(frozen=True)
class Pointer:
    """A home that only says which session to ask."""

    session: str
    ttl: int | None


@dataclass(frozen=True)
class End:
    """How a run ended. `next` is the fence of the run granted in the same step."""

    session: str
    ended: str
    outcome: str
    reason: str
    next: int | None
    at: int
    consumer: str
    session_id: int
    started_at: int
    owners: tuple[str, ...]
    status: str
    ttl: int | None
    returned: tuple[str, ...] = ()
    sealed: bool = False
    sent: tuple[str, ...] = ()


@dataclass(frozen=True)
class DeadLetter:
    """A message that is set aside, and the settings that held for it."""

    session: str
    at: int
    message: M
    settings: str = field(default="", compare=False)


@dataclass(frozen=True)
class Event:
    """One event of a timeline."""

    at: int
    event: str
    reason: str = ""
    by: str = ""
    message: str = ""
    fence: int | None = None


@dataclass(frozen=True)
class Acted:
    """What somebody did, as the scripts keep it."""

    at: int
    by: str
    action: str
    result: str
    session: str
    message: str
    fence: int | None


@dataclass(frozen=True)
class Gone:
    """A message that the next runs are told of."""

    reason: str
    id: str
    text: str


def fence_of(value: str | int) -> int | None:
    """Show a fence as microseconds since the epoch of these tests."""
    return int(value) - EPOCH_US if value != "" else None


def _at(milliseconds: str | float) -> int:
    return int(float(milliseconds)) - EPOCH_MS


def _after(start: int, milliseconds: int) -> int | None:
    return _at(start + milliseconds) if milliseconds >= 0 else None


def _optional_at(milliseconds: int) -> int | None:
    return _at(milliseconds) if milliseconds else None


MESSAGE = (
    *("seq", "id", "home", "sender", "place", "kind", "owns", "granted", "granted_at"),
    *("returns", "accepted_at", "expires_at", "offered", "decision", "print", "amended"),
    *("text", "body", "user", "group", "group_until", "answers"),
)


def _message(packed: bytes) -> M:
    return _message_of(unpack(packed))


def _message_of(values: list[Any]) -> M:
    assert values[-1] != "", "what is empty at the end is not written"
    f = dict.fromkeys(MESSAGE, "") | dict(zip(MESSAGE, values, strict=False))
    assert len(values) <= len(MESSAGE)
    return M(
        id=f["id"],
        seq=f["seq"],
        sender=f["sender"],
        at=_at(f["accepted_at"]),
        decision=f["decision"],
        fence=fence_of(f["granted"]),
        granted_at=_optional_at(f["granted_at"]),
        returns=f["returns"],
        place=f["place"],
        kind=f["kind"],
        owns=f["owns"] == "1",
        expires_at=_optional_at(f["expires_at"]),
        offered=fence_of(f["offered"]),
        amended=f["amended"],
        text=f["text"],
        body=json.loads(f["body"]),
        home=f["home"],
        print=f["print"],
        user=f["user"],
        group=f["group"],
        group_until=_optional_at(f["group_until"]),
        answers=f["answers"],
    )


def _home(digest: str, packed: bytes, ttl: int | None) -> Home | Pointer:
    values = unpack(packed)
    if len(values) == 1:
        return Pointer(values[0], ttl)
    session, state, decision, mark, amended, reason, fence, accepted, granted, ended = values
    return Home(
        digest=digest,
        print=mark,
        amended=amended,
        session=session,
        state=state,
        decision=decision,
        reason=reason,
        fence=fence_of(fence),
        accepted_at=_at(accepted),
        granted_at=_after(accepted, granted),
        since=_after(accepted, ended),
        ttl=ttl,
    )


def _end(packed: bytes, ttl: int | None) -> End:
    session, ended, outcome, reason, next_, returned, *rest = unpack(packed)
    at, consumer, session_id, started, owners, status, sealed, sent = rest
    return End(
        session=session,
        ended=ended,
        outcome=outcome,
        reason=reason,
        next=fence_of(next_),
        returned=tuple(returned),
        at=_at(at),
        consumer=consumer,
        session_id=_session_id(session_id),
        started_at=_at(started),
        owners=tuple(owners.split("\n")) if owners else (),
        status=status,
        ttl=ttl,
        sealed=sealed == "1",
        sent=tuple(sent),
    )


def _session_id(text: str) -> int:
    return int(text.partition("-")[0]) - EPOCH_US


def _session(record: Mapping[str, Any]) -> State:
    return {
        name: _run(value) if name == "run" else _session_field(name, value)
        for name, value in record.items()
    }


def _session_field(name: str, value: str) -> Any:
    if name == "id":
        return _session_id(value)
    if name in {"fence", "born"}:
        return fence_of(value)
    if name in TIMES:
        return _at(value)
    return int(value) if name in NUMBERS else value


def _run(record: Mapping[str, Any]) -> State:
    return {
        name: unpack(value) if name in POSTS else _run_field(name, value)
        for name, value in record.items()
    }


def _run_field(name: str, value: str) -> Any:
    if name in {"fence", "back_from"}:
        return fence_of(value)
    if name == "session_id":
        return _session_id(value)
    if name in RUN_TIMES:
        return _at(value)
    if name in {"lease_ms", "grace_ms"}:
        return int(value)
    if name == "usage":
        return json.loads(value)
    return value.split("\n") if name == "owners" else value


def _participant(value: str) -> tuple[int, str | None]:
    seq, _, person = value.partition(" ")
    return int(seq), json.loads(person)["user_name"]


def _texts(record: Mapping[bytes, bytes]) -> dict[str, str]:
    return {name.decode(): value.decode() for name, value in record.items()}


Raw = Any  # what redis-py gives for a key: bytes, or a dict, list or set of bytes

READ: Mapping[bytes, Callable[[Any, bytes], Raw]] = {
    b"string": lambda redis, name: redis.get(name),
    b"hash": lambda redis, name: redis.hgetall(name),
    b"list": lambda redis, name: redis.lrange(name, 0, -1),
    b"set": lambda redis, name: redis.smembers(name),
    b"stream": lambda redis, name: [entry[b"action"] for _, entry in redis.xrange(name)],
    b"zset": lambda redis, name: dict(redis.zrange(name, 0, -1, withscores=True)),
}


def _times(raw: Raw) -> State:
    return {member.decode(): _at(at) for member, at in raw.items()}


def _members(raw: Raw) -> set[str]:
    return {member.decode() for member in raw}


def _lost(raw: Raw) -> list[tuple[str, int | None, str]]:
    return [(session, fence_of(fence), how) for session, fence, how in map(unpack, raw)]


SHOWN: Mapping[str, Callable[[Raw], Any]] = {
    "session": lambda raw: _session(unpack_map(raw)),
    "queue": lambda raw: [_message(packed) for packed in raw],
    "batch": lambda raw: [_message_of(values) for values in unpack_all(raw)],
    "senders": lambda raw: {name: int(number) for name, number in _texts(raw).items()},
    "counts": unpack_map,
    "tallies": unpack_map,
    "participants": lambda raw: {n: _participant(value) for n, value in unpack_map(raw).items()},
    "omitted": lambda raw: [Gone(*unpack(packed)[:3]) for packed in raw],
    "timeline": lambda raw: [_event(packed) for packed in raw],
    "actions": lambda raw: [_acted(kept) for kept in raw],
    "fence": lambda raw: fence_of(raw.decode()),
    "settings": json.loads,
    "letters": lambda raw: {digest.decode(): _letter(packed) for digest, packed in raw.items()},
    "consumer": lambda raw: {name: fence_of(value) for name, value in _texts(raw).items()},
    "lost": _lost,
    "buckets": _members,
    "ready_sets": _members,
    "active": _members,
    "alias_places": _members,
    "alias": lambda raw: unpack(raw)[0],
    "memory": lambda raw: unpack(raw)[0],
    "context": lambda raw: [(line[2], _at(line[3]), line[4]) for line in unpack(raw)],
    "walk": lambda raw: (_texts(raw)["bucket"], _texts(raw)["session"], _at(_texts(raw)["at"])),
    "data": lambda raw: {name: json.loads(value) for name, value in _texts(raw).items()},
    "sent": lambda raw: raw.decode(),
    "moved": lambda raw: raw.decode(),
    "early": lambda raw: unpack(raw)[:2],
    "thread": lambda raw: raw.decode(),
    "sessions": lambda raw: {member.decode(): int(score) for member, score in raw.items()},
    **dict.fromkeys(
        ("due", "news", "running", "waiting", "paused", "backlog", "ready", "dead"), _times
    ),
}


def tally(**counts: int) -> State:
    """What the figures say has happened."""
    return {f"tally:{what}": number for what, number in counts.items()}


def dump(redis: Any, names: Mapping[str, str] | None = None) -> State:
    """Read every key of the store. `names` gives the digest of a home its message's id.

    A run is shown as `run:<key>` beside its session, the ids of all settings as `settings`, all
    figures together as `stats`.
    """
    state: State = {}
    for name in sorted(redis.scan_iter(count=1000)):
        spelled = name.decode()
        if spelled in {keys.SHARDS, keys.FORM, *keys.POLICY, *keys.ROUTERS}:
            continue
        tag, _, rest = spelled.partition("}:")
        assert tag.startswith("sr:{"), f"{spelled} has no tag"
        shown, value = _show(redis, name, rest, names or {})
        shard = tag.removeprefix("sr:{")
        state[shown if shard == "0" else f"{shard}/{shown}"] = value
    _take_runs(state)
    _take_settings(state)
    _take_figures(state)
    return state


def _take_runs(state: State) -> None:
    """A session says how many messages wait in its queue: true, or the store is wrong."""
    for name, record in list(state.items()):
        if re.match(r"(\d+/)?session:", name):
            waiting = state.get(name.replace("session:", "queue:", 1), ())
            assert record.pop("depth", 0) == len(waiting), f"{name} miscounts what waits"
            if run := record.pop("run", None):
                state[name.replace("session:", "run:", 1)] = run


def _take_settings(state: State) -> None:
    for name in [name for name in state if re.match(r"(\d+/)?settings:", name)]:
        kind, _, settings_id = name.partition(":")
        state.pop(name)
        state[kind] = sorted([*state.get(kind, ()), settings_id])


def _take_figures(state: State) -> None:
    for name in [name for name in state if re.match(r"(\d+/)?(counts:|tallies$)", name)]:
        kind, _, bucket = name.partition(":")
        shard, _, kind = kind.rpartition("/")
        figures = state.setdefault(f"{shard}/stats" if shard else "stats", {})
        for what, number in state.pop(name).items():
            is_tally = kind == "tallies" or what == "granted"
            shown = f"tally:{what}" if is_tally else f"{what}:{bucket}"
            figures[shown] = figures.get(shown, 0) + number


def _show(redis: Any, name: bytes, rest: str, names: Mapping[str, str]) -> tuple[str, Any]:
    kind, _, about = rest.partition(":")
    raw, left_ms = READ[redis.type(name)](redis, name), redis.pttl(name)
    # Real time passes while a test steps its own: rounded up, so that a slow machine sees the same.
    ttl = None if left_ms < 0 else -(-left_ms // TTL_STEP_MS) * TTL_STEP_MS // 1000
    if kind == "id":
        return f"id:{names.get(about, about)}", _home(about, raw, ttl)
    if kind == "ended":
        return f"ended:{fence_of(about)}", _end(raw, ttl)
    assert kind in SHOWN, f"{rest} is no key that keys.py knows"
    if kind in {"alias", "memory", "context", "sent", "moved", "early"}:
        assert ttl is not None, f"{rest} lives for ever"
    else:
        assert ttl == (3600 if kind == "lost" else None), f"{rest} lives {ttl} seconds"
    value = SHOWN[kind](raw)
    if kind in {"letters", "dead"}:
        value = {names.get(digest, digest): one for digest, one in value.items()}
    if kind == "session" and "run" in value:
        value["run"]["by"] = names.get(value["run"]["by"], value["run"]["by"])
    return rest, value


def _letter(packed: bytes) -> DeadLetter:
    session, at, message, settings, _ = unpack(packed)
    return DeadLetter(session, _at(at), _message(message), settings)


def _acted(kept: bytes) -> Acted:
    at, by, action, result, session, message, fence = json.loads(kept)
    return Acted(_at(at), by, action, result, session, message, fence_of(fence))


def _event(packed: bytes) -> Event:
    at, event, reason, by, message, fence = unpack(packed)
    return Event(_at(at), event, reason, by, message, fence_of(fence))
