"""Dead letters: listed, put back, or let go. All methods raise `StoreUnavailable`."""

import re
from collections.abc import Callable

from app.errors import UnknownDeadLetter
from app.routing.keys import SessionKey, agent_of
from app.store import keys, scripts
from app.store.clock import stores_clock
from app.store.pages import Entry, Index, Listing, Place, cursor_after, entries_after, read_cursor
from app.store.replies import Reader, moment
from app.store.scripts import Script
from app.store.store_client import StoreClient
from session_router.models import Change, DeadLetter, DeadLetterPage

_FORM = re.compile(r"(0|[1-9][0-9]{0,3})\.([A-Za-z0-9_-]{22})")
BY_TIME = Listing(by_key=False)


class DeadLetters:
    """The dead letters of all shards; `clock` as in `SessionStore`.

    An id is `<shard>.<digest of the message's home>`.
    """

    def __init__(
        self, client: StoreClient, shards: int, clock: Callable[[], str] = stores_clock
    ) -> None:
        self._client = client
        self._shards = shards
        self._clock = clock

    async def page(
        self, agents: frozenset[str] | None, most: int, cursor: str | None
    ) -> DeadLetterPage:
        """Dead letters of these agents, oldest first. Raises `InvalidRequest`."""
        after = read_cursor(cursor) if cursor else None
        indexes = await self._indexes(agents)
        found = await entries_after(self._client, indexes, after, most, BY_TIME)
        letters = [await self._letter(entry) for entry in found.entries]
        return DeadLetterPage(
            dead_letters=tuple(letter for letter in letters if letter is not None),
            cursor=None if found.reached is None else cursor_after(found.reached),
        )

    async def redrive(self, letter_id: str, who: str, agents: frozenset[str] | None) -> Change:
        """Put a letter's message to the end of its session: `redrive.lua`.

        Raises `UnknownDeadLetter` for an id that no page gave, or another agent's.
        """
        return await self._act(scripts.REDRIVE, letter_id, who, agents)

    async def discard(self, letter_id: str, who: str, agents: frozenset[str] | None) -> Change:
        """Let a letter go: `discard.lua`. Raises `UnknownDeadLetter` likewise."""
        return await self._act(scripts.DISCARD, letter_id, who, agents)

    async def _indexes(self, agents: frozenset[str] | None) -> list[Index]:
        return [
            (shard, keys.index(shard, "dead", bucket))
            for shard in range(self._shards)
            for bucket in await self._client.members(keys.stats(shard)[1])
            if agents is None or keys.parts_of_bucket(bucket)[0] in agents
        ]

    async def _letter(self, entry: Entry) -> DeadLetter | None:
        home = entry.place.name
        reply = await self._client.call(scripts.LETTERS, [keys.letters(entry.shard)], home)
        if len(reply) == 1:
            return None
        _, died_at, session, *message = reply[1]
        reader = Reader(SessionKey(session), entry.shard)
        return DeadLetter(
            id=f"{entry.shard}.{home}",
            session_key=session,
            died_at=moment(died_at),
            message=reader.waiting(message),
        )

    async def _act(
        self, script: Script, letter_id: str, who: str, agents: frozenset[str] | None
    ) -> Change:
        form = _FORM.fullmatch(letter_id)
        if form is None or int(form[1]) >= self._shards:
            raise UnknownDeadLetter
        shard, home = int(form[1]), form[2]
        letter = await self._letter(Entry(Place(0, home), shard))
        if letter is None:
            return Change(changed=False)
        session = SessionKey(letter.session_key)
        if agents is not None and agent_of(session) not in agents:
            raise UnknownDeadLetter
        reply = await self._client.call(
            script, keys.session_keys(shard, session), self._clock(), who, home
        )
        return Change(changed=reply[0] == "changed")
