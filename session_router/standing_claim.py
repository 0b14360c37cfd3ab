"""The standing claim: a long poll for runs that wait for nobody in particular."""

import asyncio
import logging
import secrets
import time
from collections.abc import Callable
from typing import Final
from urllib.parse import quote

from session_router.connection import Call, Connection
from session_router.errors import RouterError
from session_router.failures import Failures
from session_router.models import (
    ClaimedRuns,
    ClaimRequest,
    CompleteRequest,
    Completion,
    Run,
    RunList,
)

logger: Final = logging.getLogger("session_router")

WAIT_SECONDS: Final = 30.0
# An empty answer before this came from a router that ends.
EARLY_SECONDS: Final = WAIT_SECONDS / 2
GIVE_UP_SECONDS: Final = 2.0


class StandingClaim:
    """Claims one run at a time while there is room for it, so that bursts spread over claimers.

    Each claim has a request id of its own, and keeps it until it is answered: so a run whose
    answer was lost is told again.
    """

    def __init__(
        self, connection: Connection, wanted: ClaimRequest, take: Callable[[Run], None]
    ) -> None:
        self._connection = connection
        self._wanted = wanted
        self._take = take
        self._room = asyncio.Event()
        self._is_open = False

    def note_room(self, *, is_room: bool) -> None:
        """Say whether there is room for one more run; an open claim is not taken back."""
        if is_room:
            self._room.set()
        else:
            self._room.clear()

    async def keep(self) -> None:
        """Claim until cancelled."""
        early = Failures("a claim")
        while True:
            await self._room.wait()
            began_at = time.monotonic()
            runs = await self._claimed()
            for run in runs:
                self._take(run)
            if runs or time.monotonic() - began_at >= EARLY_SECONDS:
                early.over()
                continue
            await asyncio.sleep(early.rest_seconds())

    async def _claimed(self) -> tuple[Run, ...]:
        body = self._wanted.model_copy(
            update={"request_id": secrets.token_hex(16), "wait_seconds": WAIT_SECONDS}
        )
        call = Call("POST", "/v1/runs/claim", ClaimedRuns, body, held_seconds=WAIT_SECONDS)
        failures = Failures("a claim")
        self._is_open = True
        while True:
            try:
                answer = await self._connection.once(call, WAIT_SECONDS * 2)
            except RouterError as error:
                await asyncio.sleep(failures.note(error))
            else:
                self._is_open = False
                return answer.value.runs

    async def give_up(self, known: Callable[[str], bool]) -> None:
        """Hand back what the claim that was cut off may have been granted, unheard.

        Never raises for what the router does; waits `GIVE_UP_SECONDS` at most.
        """
        if not self._is_open:
            return
        params = {"consumer": self._wanted.consumer}
        call = Call("GET", "/v1/runs", RunList, params=params)
        try:
            async with asyncio.timeout(GIVE_UP_SECONDS):
                held = await self._connection.once(call, GIVE_UP_SECONDS)
                for run in held.value.runs:
                    if not known(run.id):
                        await self._release(run.id, run.fence)
        except (TimeoutError, RouterError) as error:
            logger.info("whether a claim was granted is not known: %s", error)

    async def _release(self, run_id: str, fence: int) -> None:
        body = CompleteRequest(fence=fence, outcome="released", next=False)
        path = f"/v1/runs/{quote(run_id, safe='')}/complete"
        await self._connection.once(Call("POST", path, Completion, body), GIVE_UP_SECONDS)
