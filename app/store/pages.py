"""Pages of an index, across shards: each place is given once, in order, however long it takes."""

import asyncio
import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

from pydantic import Field, TypeAdapter

from app.errors import InvalidRequest
from app.store import scripts
from app.store.store_client import Reply, StoreClient
from session_router.models import FieldError


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """Where something stands in a list: milliseconds (0 in a list by key), then its name."""

    at: float
    name: str


@dataclass(frozen=True, slots=True, order=True)
class Entry:
    """A place, and the shard it was found in."""

    place: Place
    shard: int


Index = tuple[int, str]  # a shard, and the key of an index in it
LOOKED_AT_MAX = 1000  # members that one step looks at to find some
SESSIONS_LOOKED_AT_MAX = 300  # where it looks at their participants too


@dataclass(frozen=True, slots=True)
class Listing:
    """In which order, and what members and a participant of the session contain (empty: any)."""

    by_key: bool
    parts: tuple[str, ...] = ()
    participant: str = ""

    @property
    def looked_at_max(self) -> int:
        """How many members one step looks at, of all indexes together."""
        if self.participant:
            return SESSIONS_LOOKED_AT_MAX
        return LOOKED_AT_MAX if self.parts else 0


@dataclass(frozen=True, slots=True)
class Stretch:
    """What was found, in order, up to a place; None where the indexes end before it."""

    entries: list[Entry]
    reached: Place | None


async def entries_after(
    client: StoreClient, indexes: Sequence[Index], after: Place | None, most: int, listing: Listing
) -> Stretch:
    """The first entries of all these indexes behind a place, in order, no more than `most`.

    A filter may find fewer, or none: no more members are looked at than `Listing.looked_at_max`,
    or `most` of each index. Raises `StoreUnavailable`.
    """
    looked_at = max(most, listing.looked_at_max // max(len(indexes), 1))
    walk = _Walk(client, after, most, looked_at, listing)
    stretches = await asyncio.gather(*map(walk.through, indexes))
    reached = min((s.reached for s in stretches if s.reached is not None), default=None)
    entries = sorted(
        entry
        for stretch in stretches
        for entry in stretch.entries
        if reached is None or entry.place <= reached
    )
    if len(entries) > most:
        return Stretch(entries[:most], entries[most - 1].place)
    return Stretch(entries, reached)


@dataclass(frozen=True, slots=True)
class _Walk:
    """One step through an index: it finds at most `most`, and looks at that many members."""

    client: StoreClient
    after: Place | None
    most: int
    looked_at: int
    listing: Listing

    async def through(self, index: Index) -> Stretch:
        shard, key = index
        times = 1
        while True:
            most, looked_at = self.most * times, self.looked_at * times
            _, looked, name, at, *found = await self._call(key, most, looked_at)
            fresh = [
                Entry(place, shard)
                for place in map(_place, found[::2], found[1::2])
                if self.after is None or place > self.after
            ]
            if looked < looked_at and len(found) < 2 * most:
                return Stretch(fresh, None)
            last = _place(name, at)
            if self.after is None or last > self.after:
                return Stretch(fresh, last)
            times *= 2  # many of one millisecond: look beyond them

    async def _call(self, key: str, most: int, looked_at: int) -> Reply:
        by_key = self.listing.by_key
        return await self.client.call(
            scripts.INDEX,
            [key],
            "key" if by_key else "time",
            _start_by_key(self.after) if by_key else _start_by_time(self.after),
            most,
            looked_at,
            self.listing.participant,
            *self.listing.parts,
        )


def _place(name: str, at: str | int) -> Place:
    return Place(float(at), name)


def _start_by_key(after: Place | None) -> str:
    return "-" if after is None else f"({after.name}"


def _start_by_time(after: Place | None) -> str:
    return "-inf" if after is None else f"{after.at:.0f}"


_CURSOR = TypeAdapter(tuple[Annotated[float, Field(ge=0, le=2**53)], str])


def cursor_after(place: Place) -> str:
    """The text that asks for what stands behind a place."""
    text = json.dumps([place.at, place.name])
    return urlsafe_b64encode(text.encode()).decode().rstrip("=")


def read_cursor(cursor: str) -> Place:
    """The place in a cursor; raises `InvalidRequest` for a text that is none."""
    try:
        text = urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
        return Place(*_CURSOR.validate_json(text))
    except ValueError as error:
        wrong = FieldError(path="cursor", message="no page gave this cursor")
        raise InvalidRequest(errors=(wrong,)) from error
