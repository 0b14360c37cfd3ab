"""The lease of a run: kept by beats, lost when the router says so or its time is over here."""

import asyncio
import logging
import time
from contextlib import suppress
from typing import Final
from urllib.parse import quote

from session_router.connection import Answer, Call, Connection
from session_router.errors import LeaseLost, RouterError, Unavailable
from session_router.models import Heartbeat, HeartbeatRequest, Interrupt, Run, Usage
from session_router.retries import a_bit_less, backoff_seconds

logger: Final = logging.getLogger("session_router")


class Lease:
    """Holds the lease of one run, and what the run reports with its beats.

    The deadline is of this machine's monotonic clock and counts from when the request was
    sent that the router answered, so it is never later than the router's own.
    """

    def __init__(self, connection: Connection, run: Run, sent_at: float) -> None:
        self.run = run
        self.lost: LeaseLost | None = None
        self.interrupt: Interrupt | None = None
        self.interrupted: asyncio.Future[Interrupt] = asyncio.get_running_loop().create_future()
        self.usage: Usage | None = None
        self.status: str | None = None
        self._connection = connection
        self._alone = asyncio.Lock()
        self._wake = asyncio.Event()
        self._news_at = sent_at
        self._renewed(sent_at)

    def _renewed(self, sent_at: float) -> None:
        self._deadline = sent_at + self.run.lease_seconds
        # An answer does not tell what happened after its request went out.
        told = self._news_at <= sent_at
        self._beat_due = sent_at + a_bit_less(self.run.heartbeat_seconds) if told else sent_at

    def remaining_seconds(self) -> float:
        """Return the seconds until the lease is over, less than 0 afterwards."""
        return self._deadline - time.monotonic()

    def beat_soon(self) -> None:
        """Let `keep` beat at once: there is news of this run."""
        self._news_at = self._beat_due = time.monotonic()
        self._wake.set()

    async def keep(self) -> None:
        """Beat whenever it is time; returns when the lease is lost."""
        with suppress(LeaseLost):
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
        """Renew the lease, and learn of an interrupt; retried until the lease is over.

        Raises `LeaseLost`, also when the router could not be reached in time.
        """
        async with self._alone:
            if self.lost is not None:
                raise self.lost
            try:
                async with asyncio.timeout(self.remaining_seconds()):
                    answer = await self._beat_until_answered()
            except TimeoutError:
                self.lost = LeaseLost("no heartbeat reached the router before the lease was over")
                raise self.lost from None
            except LeaseLost as error:
                self.lost = error
                raise
            self._renewed(answer.sent_at)
            self._tell(answer.value.interrupt)

    async def _beat_until_answered(self) -> Answer[Heartbeat]:
        failures = 0
        while True:
            try:
                return await self._connection.once(self._call(), self.run.heartbeat_seconds)
            except LeaseLost:
                raise
            except RouterError as error:
                level = logging.DEBUG if failures else logging.WARNING
                logger.log(level, "run %s: a heartbeat failed: %s", self.run.id, error)
                await asyncio.sleep(self._retry_delay_seconds(failures, error))
                failures += 1

    def _call(self) -> Call[Heartbeat]:
        body = HeartbeatRequest(fence=self.run.fence, status=self.status, usage=self.usage)
        return Call("POST", f"/v1/runs/{quote(self.run.id, safe='')}/heartbeat", Heartbeat, body)

    def _retry_delay_seconds(self, failures: int, error: RouterError) -> float:
        asked = (error.retry_after_seconds or 0.0) if isinstance(error, Unavailable) else 0.0
        backoff = backoff_seconds(failures, cap_seconds=self.run.heartbeat_seconds / 2)
        # Half of what is left at most: a long Retry-After must not cost the lease.
        return min(backoff + asked, max(0.0, self.remaining_seconds()) / 2)

    def _tell(self, interrupt: Interrupt | None) -> None:
        if interrupt is None:
            return
        self.interrupt = interrupt
        if not self.interrupted.done():
            self.interrupted.set_result(interrupt)
