"""Waiting claims: one look at the store for all of them, however many wait.

A router keeps its claims in a line. When a session becomes ready, or at the latest every
second, it asks the store once what is ready and grants to the claims in their order; while
nothing happens, a waiting claim costs nothing.
"""

import asyncio
import logging
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from time import monotonic

from app.errors import ServiceError, StoreUnavailable
from app.store.holders import holder_of
from app.store.ready_runs import Claimer, ReadyRuns, ReadySession
from app.store.session_store import SessionStore
from session_router.models import ClaimRequest, CompleteRequest, Run

LOOK_SECONDS = 1.0
FOUND_MAX = 100  # sessions of a ready set that one look takes in
NAMED_MAX = 1000  # sessions that claims name, which one look asks for besides

logger = logging.getLogger(__name__)


@dataclass(slots=True, eq=False)
class WaitingClaim:
    """One claim in the line; `agents` are those that its token may see, None for all."""

    request: ClaimRequest
    claimer: Claimer
    agents: frozenset[str] | None
    until: float
    answer: asyncio.Future[tuple[Run, ...]]
    is_gone: bool = False
    granted: list[Run] = field(default_factory=list)

    def wants(self, ready: ReadySession) -> bool:
        """Tell whether this claim's filter and token let it have a session."""
        wanted = self.request
        return (
            (self.agents is None or ready.agent in self.agents)
            and (wanted.agents is None or ready.agent in wanted.agents)
            and (wanted.platforms is None or ready.platform in wanted.platforms)
            and (wanted.accounts is None or ready.account in wanted.accounts)
            and (wanted.sessions is None or ready.session in wanted.sessions)
        )


class Claims:
    """The line of one router. `run` must be running for claims to be answered."""

    def __init__(self, ready_runs: ReadyRuns, store: SessionStore) -> None:
        self._ready_runs = ready_runs
        self._store = store
        self._line: list[WaitingClaim] = []
        self._look = asyncio.Event()
        self._looking = asyncio.Lock()
        self._is_closed = False

    def look(self) -> None:
        """Something may be ready: look at once."""
        if self._line:
            self._look.set()

    def close(self) -> None:
        """The service ends: answer every claim now, with what it has."""
        self._is_closed = True
        self._look.set()

    def waiting(self) -> int:
        """How many claims wait."""
        return len(self._line)

    def holders(self) -> list[str]:
        """The holders whose claims wait here."""
        return [holder_of(claim.claimer.token_name, claim.claimer.consumer) for claim in self._line]

    async def enter(
        self, request: ClaimRequest, claimer: Claimer, agents: frozenset[str] | None
    ) -> WaitingClaim:
        """Take a place in the line; a repeat is answered as before, if it can be.

        Raises `StoreUnavailable`.
        """
        answer: asyncio.Future[tuple[Run, ...]] = asyncio.get_running_loop().create_future()
        until = monotonic() + request.wait_seconds
        claim = WaitingClaim(request, claimer, agents, until, answer)
        # Between looks, so that no grant to an earlier claim of this request is on its way.
        async with self._looking:
            if claimer.request_id:
                self._replace_earlier(claimer)
                before = await self._ready_runs.claimed_before(claimer)
                if before is not None:
                    claim.granted.extend(before)
                    answer.set_result(before)
                    return claim
            self._line.append(claim)
        self._look.set()
        return claim

    def _replace_earlier(self, claimer: Claimer) -> None:
        # The repeat of a claim whose connection nobody reads any more takes its place.
        for claim in [claim for claim in self._line if claim.claimer == claimer]:
            claim.is_gone = True
            self._line.remove(claim)
            claim.answer.set_result(())

    async def leave(self, claim: WaitingClaim) -> None:
        """The client is gone: what was granted to it goes back, uncounted."""
        claim.is_gone = True
        if claim in self._line:
            self._line.remove(claim)
        await self._give_back(claim)

    async def _give_back(self, claim: WaitingClaim) -> None:
        while claim.granted:
            run = claim.granted.pop()
            back = CompleteRequest(
                fence=run.fence, outcome="released", reason="the claimer was gone", next=False
            )
            try:
                await self._store.complete(run.id, back)
            except ServiceError:
                logger.info("a run whose claimer was gone waits for the end of its lease")

    async def run(self) -> None:
        """Answer claims until cancelled."""
        while True:
            seconds = self._seconds_to_next_look()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._look.wait(), seconds)
            self._look.clear()
            try:
                async with self._looking:
                    await self._answer_line()
            except StoreUnavailable as error:
                self._fail(error)
            except Exception:
                logger.exception("a look for ready runs failed")
                self._fail(StoreUnavailable())

    def _seconds_to_next_look(self) -> float | None:
        if not self._line:
            return None
        soonest = min(claim.until for claim in self._line) - monotonic()
        return min(max(soonest, 0.0), LOOK_SECONDS)

    def _fail(self, error: StoreUnavailable) -> None:
        for claim in self._line:
            if not claim.answer.done():
                claim.answer.set_exception(error)
        self._line.clear()

    async def _answer_line(self) -> None:
        line = list(self._line)  # who comes meanwhile is looked for next time
        if not line:
            return
        pairs = [] if self._is_closed else await self._pairs(line)
        grants = (self._ready_runs.claim(ready, claim.claimer) for ready, claim in pairs)
        runs = await asyncio.gather(*grants, return_exceptions=True)
        for (_, claim), run in zip(pairs, runs, strict=True):
            if isinstance(run, Run):
                claim.granted.append(run)
        for claim in line:
            await self._answer(claim)
        for run in runs:
            if isinstance(run, BaseException):
                raise run
        if pairs:
            self._look.set()  # what one look took in, or another router left, was not all

    async def _answer(self, claim: WaitingClaim) -> None:
        if claim.is_gone:
            await self._give_back(claim)
        elif claim.granted or monotonic() >= claim.until or self._is_closed:
            self._line.remove(claim)
            claim.answer.set_result(tuple(claim.granted))

    async def _pairs(self, line: Sequence[WaitingClaim]) -> list[tuple[ReadySession, WaitingClaim]]:
        """Give each ready session to the first in line that wants it and has room."""
        named = [key for claim in line for key in claim.request.sessions or ()]
        found = await self._ready_runs.find(FOUND_MAX, named[:NAMED_MAX])
        room = {id(claim): 0 if claim.is_gone else claim.request.max for claim in line}
        pairs = []
        for ready in found:
            for claim in line:
                if room[id(claim)] > 0 and claim.wants(ready):
                    room[id(claim)] -= 1
                    pairs.append((ready, claim))
                    break
        return pairs
