"""The live feed's way through the store: what is published, and what it says.

Scripts publish what they alone know, each event for itself: lost leases, dead letters, what
people did, a policy put in force. What routers answered they publish themselves, in batches.
Both are hints that may be lost.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel
from pydantic_core import to_json

from app.routing.keys import SessionKey, agent_of
from app.store import keys, scripts
from app.store.actions import action_of, agent_of_action
from app.store.clock import stores_clock
from app.store.holders import consumer_of
from app.store.replies import moment
from app.store.run_ids import RunAddress
from app.store.store_client import StoreClient
from session_router.models import (
    DeadLetterEvent,
    LeaseLostEvent,
    PolicyEvent,
)


@dataclass(frozen=True, slots=True)
class Event:
    """An event as streams send it; `agent` is None where it is everybody's."""

    name: str
    agent: str | None
    data: bytes


@dataclass(frozen=True, slots=True)
class Answered:
    """What a router answered. `data` is the event without its time, which the store gives."""

    name: str
    session: str
    data: dict[str, Any]


class EventWire:
    """Publishes what a router answered; `clock` as in `SessionStore`."""

    def __init__(self, client: StoreClient, clock: Callable[[], str] = stores_clock) -> None:
        self._client = client
        self._clock = clock

    async def tell(self, answered: Sequence[Answered], missed: int) -> bool:
        """Publish a batch: `tell.lua`. `missed` did not fit. Raises `StoreUnavailable`.

        Tells whether somebody still watches on any router.
        """
        batch = {
            "missed": missed,
            "events": [(one.name, agent_of(one.session), one.data) for one in answered],
        }
        reply = await self._client.call(
            scripts.TELL, [keys.ROUTERS[2]], self._clock(), to_json(batch).decode()
        )
        return bool(reply[1])


def read_publication(channel: str, text: str) -> tuple[list[Event], int]:
    """The events of a publication, and how many its router could not keep."""
    if channel == keys.ANSWERS_CHANNEL:
        at_ms, _, batch = text.partition(" ")
        return _of_router(at_ms, json.loads(batch))
    name, *told = json.loads(text)
    reader = _READERS.get(name)  # a newer release may tell more
    return ([reader(name, told)] if reader else []), 0


def _of_router(at_ms: str, batch: dict[str, Any]) -> tuple[list[Event], int]:
    at = moment(at_ms).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    events = [
        Event(name, agent, to_json({"at": at, **data})) for name, agent, data in batch["events"]
    ]
    return events, batch["missed"]


def _event(name: str, agent: str | None, model: BaseModel) -> Event:
    return Event(name, agent, model.model_dump_json().encode())


def _lease_lost(name: str, told: list[Any]) -> Event:
    shard, session, at, how, holder, fence = told
    run = RunAddress(int(fence), int(shard), SessionKey(session))
    lost = LeaseLostEvent(
        at=moment(at),
        session_key=session,
        run_id=run.run_id(),
        consumer=consumer_of(holder),
        ended=how,
    )
    return _event(name, agent_of(session), lost)


def _dead_letter(name: str, told: list[Any]) -> Event:
    shard, session, at, home, message_id = told
    letter = DeadLetterEvent(
        at=moment(at), session_key=session, id=f"{shard}.{home}", message_id=message_id
    )
    return _event(name, agent_of(session), letter)


def _action(name: str, told: list[Any]) -> Event:
    action = action_of(*told)
    return _event(name, agent_of_action(action), action)


def _policy(name: str, told: list[Any]) -> Event:
    revision, at, who = told
    return _event(name, None, PolicyEvent(at=moment(at), revision=revision, by=who or None))


_READERS: dict[str, Callable[[str, list[Any]], Event]] = {
    "lease_lost": _lease_lost,
    "dead_letter": _dead_letter,
    "action": _action,
    "policy": _policy,
}
