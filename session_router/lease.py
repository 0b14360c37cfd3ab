"""The lease of a run: kept by beats, lost when the router says so or its time is over here."""

import asyncio
import logging
import time
from contextlib import suppress
from typing import Final, TypeVar
from urllib.parse import quote

from pydantic import BaseModel

from session_router.connection import Answer, Call, Connection
from session_router.errors import LeaseLost, RouterError, Superseded, Unavailable
from session_router.models import (
    Asked,
    AskRequest,
    Heartbeat,
    HeartbeatRequest,
    Interrupt,
    Run,
    Seal,
    SealRequest,
)
from session_router.offers import Offers
from session_router.reports import Reports
from session_router.retries import a_bit_less, backoff_seconds

logger: Final = logging.getLogger("session_router")

M = TypeVar("M", bound=BaseModel)

# These say how the batch ends, and stand over what was asked before.
ENDS_BATCH: Final = frozenset({"stop", "reset"})
# Together no more than one report of what was seen may name.
STEERS_UNCONFIRMED_MAX: Final = 900
ANSWERS_UNCONFIRMED_MAX: Final = 100
# What a crash should not lose waits so long for company, or for the run's end.
NEWS_SECONDS: Final = 0.5


class Lease:
    """Holds the lease of one run, what the run reports, and what the router says of it.

    The deadline is of this machine's monotonic clock and counts from when the request was
    sent that the router answered, so it is never later than the router's own.
    """

    def __init__(self, connection: Connection, run: Run, sent_at: float) -> None:
        self.run = run
        self.lost: LeaseLost | None = None
        self.gone = asyncio.Event()
        self.sealed = False
        self.interrupt: Interrupt | None = None
        self.interrupted: asyncio.Future[Interrupt] = asyncio.get_running_loop().create_future()
        self.steers = Offers(STEERS_UNCONFIRMED_MAX)
        self.answers = Offers(ANSWERS_UNCONFIRMED_MAX)
        self.reports = Reports(run.data)
        self._connection = connection
        self._path = f"/v1/runs/{quote(run.id, safe='')}"
        self._alone = asyncio.Lock()
        self._wake = asyncio.Event()
        self._news_at = sent_at
        self._renewed(sent_at)

    def _renewed(self, sent_at: float) -> None:
        self._deadline = sent_at + self.run.lease_seconds
        # An answer does not tell what happened after its request went out.
        told = self._news_at <= sent_at
        self._beat_due = sent_at + a_bit_less(self.run.heartbeat_seconds) if told else sent_at
        if self.reports.has_news:
            self.report_soon()

    def remaining_seconds(self) -> float:
        """Return the seconds until the lease is over, less than 0 afterwards."""
        return self._deadline - time.monotonic()

    def lose(self, error: LeaseLost) -> None:
        """Note that the lease is over, for good."""
        self.lost = self.lost or error
        self.gone.set()

    async def until_lost(self) -> None:
        """Wait until the lease is lost: raises `LeaseLost`."""
        await self.gone.wait()
        raise self.lost or LeaseLost("the lease is over")

    def ask_to_stop(self, interrupt: Interrupt) -> None:
        """Note that somebody wants this run to stop, however often and by whom it is told."""
        known = self.interrupt
        if known is None or interrupt.cause in ENDS_BATCH or known.cause not in ENDS_BATCH:
            self.interrupt = interrupt
        if not self.interrupted.done():
            self.interrupted.set_result(interrupt)

    def beat_soon(self) -> None:
        """Let `keep` beat at once: there is news of this run."""
        self._news_at = self._beat_due = time.monotonic()
        self._wake.set()

    def report_soon(self) -> None:
        """Let `keep` beat within `NEWS_SECONDS`: there is something that a crash would lose."""
        self._beat_due = min(self._beat_due, time.monotonic() + NEWS_SECONDS)
        self._wake.set()

    @property
    def seen(self) -> tuple[str, ...]:
        """The ids of what was taken, and not yet confirmed as seen."""
        return self.steers.unconfirmed + self.answers.unconfirmed

    async def keep(self) -> None:
        """Beat whenever it is time, until the lease is lost: raises `LeaseLost`."""
        while True:
            await self._until_due()
            if time.monotonic() >= self._beat_due:
                await self.beat()

    async def _until_due(self) -> None:
        self._wake.clear()
        with suppress(TimeoutError):
            async with asyncio.timeout(self._beat_due - time.monotonic()):
                await self._wake.wait()

    async def beat(self) -> None:
        """Renew the lease, report, and learn what is wanted; retried until the lease is over.

        Raises `LeaseLost`, also when the router could not be reached in time.
        """
        async with self._alone:
            seen, news = self.seen, self.reports.news
            body = HeartbeatRequest(
                fence=self.run.fence,
                seen=seen,
                status=self.reports.status,
                usage=self.reports.usage,
                **news._asdict(),
            )
            call = Call("POST", f"{self._path}/heartbeat", Heartbeat, body)
            answer = await self._while_held(call, RouterError)
            self.reports.heard(news)
            self._confirmed(seen)
            self._renewed(answer.sent_at)
            self._learn(answer)

    async def seal(self) -> None:
        """Close the run before its reply goes out; retried until the lease is over.

        Raises `Superseded`, `LeaseLost`, and what the router refuses.
        """
        if self.sealed:
            return
        seen = self.seen
        body = SealRequest(fence=self.run.fence, seen=seen)
        answer = await self._while_held(Call("POST", f"{self._path}/seal", Seal, body), Unavailable)
        self._confirmed(seen)
        self.sealed = answer.value.sealed
        if not self.sealed:
            self._learn(answer)
            told = answer.value
            raise Superseded(told.interrupt, told.steer, told.answers)

    async def ask(self, question: AskRequest) -> None:
        """Put a question to people, or withdraw it; retried until the lease is over.

        Raises `LeaseLost`, and what the router refuses.
        """
        call = Call("POST", f"{self._path}/ask", Asked, question)
        await self._while_held(call, Unavailable)

    def _confirmed(self, seen: tuple[str, ...]) -> None:
        self.steers.confirmed(seen)
        self.answers.confirmed(seen)

    def _learn(self, answer: Answer[Heartbeat] | Answer[Seal]) -> None:
        self.steers.answered(answer.value.steer, answer.sent_at)
        self.answers.answered(answer.value.answers, answer.sent_at)
        if answer.value.interrupt is not None:
            self.ask_to_stop(answer.value.interrupt)

    async def _while_held(self, call: Call[M], passing: type[RouterError]) -> Answer[M]:
        """Call until there is an answer or the lease is over; `passing` errors are retried."""
        while self.lost is None:
            try:
                async with asyncio.timeout(self.remaining_seconds()):
                    return await self._until_answered(call, passing)
            except TimeoutError:
                if self.remaining_seconds() <= 0:
                    self.lose(LeaseLost("no call reached the router before the lease was over"))
            except LeaseLost as error:
                self.lose(error)
        raise self.lost

    async def _until_answered(self, call: Call[M], passing: type[RouterError]) -> Answer[M]:
        failures = 0
        while True:
            try:
                return await self._connection.once(call, self.run.heartbeat_seconds)
            except LeaseLost:
                raise
            except passing as error:
                again = failures > 0 and isinstance(error, Unavailable)
                level = logging.DEBUG if again else logging.WARNING
                what = call.path.rpartition("/")[2]
                logger.log(level, "run %s: a %s failed: %s", self.run.id, what, error)
                await asyncio.sleep(self._retry_delay_seconds(failures, error))
                failures += 1

    def _retry_delay_seconds(self, failures: int, error: RouterError) -> float:
        asked = (error.retry_after_seconds or 0.0) if isinstance(error, Unavailable) else 0.0
        backoff = backoff_seconds(failures, cap_seconds=self.run.heartbeat_seconds / 2)
        # Half of what is left at most: a long Retry-After must not cost the lease.
        return min(backoff + asked, max(0.0, self.remaining_seconds()) / 2)
