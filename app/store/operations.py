"""What people do to sessions and dead letters: one method a verb, one script a method.

An action carries what the person saw, as `Seeing`; where that is no longer so, nothing is
done. Methods tell whether they changed anything, and raise `StoreUnavailable`.
"""

from collections.abc import Callable

from app.errors import UnknownSession
from app.routing.keys import InvalidKey, SessionKey
from app.store import keys, scripts
from app.store.clock import stores_clock
from app.store.run_ids import read_run_id
from app.store.scripts import Script
from app.store.shards import shard_of_session
from app.store.store_client import StoreClient
from session_router.models import Change, Seeing


class Operations:
    """The operators' verbs on one session; `clock` as in `SessionStore`.

    Every verb raises `UnknownSession`. `who` is the name of the token that acts.
    """

    def __init__(
        self, client: StoreClient, shards: int, clock: Callable[[], str] = stores_clock
    ) -> None:
        self._client = client
        self._shards = shards
        self._clock = clock

    async def interrupt(self, session: SessionKey, who: str, seen: Seeing) -> Change:
        """Ask the active run to stop: `interrupt.lua`."""
        return await self._act(scripts.INTERRUPT, session, who, seen)

    async def reset(self, session: SessionKey, who: str, seen: Seeing) -> Change:
        """Start a new session id, now or when the run has ended: `reset.lua`."""
        return await self._act(scripts.RESET, session, who, seen)

    async def release(self, session: SessionKey, who: str, seen: Seeing) -> Change:
        """Take the lease from its holder; batch and queue stay: `release.lua`."""
        return await self._act(scripts.RELEASE, session, who, seen)

    async def pause(self, session: SessionKey, who: str, seen: Seeing) -> Change:
        """Let everything wait: `pause.lua`."""
        return await self._act(scripts.PAUSE, session, who, seen, "1")

    async def resume(self, session: SessionKey, who: str, seen: Seeing) -> Change:
        """Let everything go on: `pause.lua`."""
        return await self._act(scripts.PAUSE, session, who, seen, "")

    async def remove(self, session: SessionKey, who: str, seen: Seeing, seq: int) -> Change:
        """Remove one waiting message: `remove.lua`."""
        return await self._act(scripts.REMOVE, session, who, seen, seq)

    async def delete(self, session: SessionKey, who: str, seen: Seeing) -> Change:
        """Delete the session; what waits or runs becomes removed: `delete.lua`."""
        return await self._act(scripts.DELETE, session, who, seen)

    async def _act(
        self, script: Script, session: SessionKey, who: str, seen: Seeing, *more: str | int
    ) -> Change:
        try:
            shard = shard_of_session(session, self._shards)
        except InvalidKey as error:
            raise UnknownSession from error
        fence = "" if seen.run_id is None else read_run_id(seen.run_id, self._shards).fence
        reply = await self._client.call(
            script,
            keys.session_keys(shard, session),
            self._clock(),
            who,
            fence,
            seen.session_id or "",
            *more,
        )
        if reply[0] == "unknown":
            raise UnknownSession
        return Change(changed=reply[0] == "changed")
