"""Pages of an index, across shards: each place is given once, in order, however long it takes."""

import asyncio
import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Annotated

from pydantic import Field, TypeAdapter

from app.errors import InvalidRequest
from app.store import scripts
from app.store.store_client import StoreClient
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


async def entries_after(
    client: StoreClient, indexes: Iterable[Index], after: Place | None, most: int, *, by_key: bool
) -> list[Entry]:
    """The first entries of all these indexes behind a place, in order.

    Raises `StoreUnavailable`.
    """
    found = await asyncio.gather(
        *(_of_index(client, index, after, most, by_key=by_key) for index in indexes)
    )
    return sorted(entry for entries in found for entry in entries)[:most]


async def _of_index(
    client: StoreClient, index: Index, after: Place | None, most: int, *, by_key: bool
) -> list[Entry]:
    shard, key = index
    start = _start_by_key(after) if by_key else _start_by_time(after)
    asked = most
    while True:
        by = "key" if by_key else "time"
        reply = await client.call(scripts.INDEX, [key], by, start, asked)
        entries = [
            Entry(Place(float(at), name), shard)
            for name, at in zip(reply[1::2], reply[2::2], strict=True)
        ]
        fresh = [entry for entry in entries if after is None or entry.place > after]
        if len(fresh) >= most or len(entries) < asked:
            return fresh[:most]
        asked *= 2  # many of one millisecond: look beyond them


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
