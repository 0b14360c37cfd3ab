"""A question of a run to people: asked, waited for, withdrawn."""

import asyncio
from contextlib import suppress
from typing import Final

from pydantic import ValidationError

from session_router.errors import InvalidMessage, RouterError
from session_router.lease import Lease
from session_router.models import AskRequest, BatchMessage

WITHDRAW_SECONDS: Final = 2.0


class Asking:
    """Asks one question at a time under a lease."""

    def __init__(self, lease: Lease) -> None:
        self._lease = lease
        self._alone = asyncio.Lock()

    @property
    def is_open(self) -> bool:
        """Whether a question waits for its answer."""
        return self._alone.locked()

    async def ask(self, question: AskRequest) -> BatchMessage | None:
        """Ask, and return the first answer, seen; None when the question's time is over.

        What the router offers already when the question is asked answers an earlier one.
        """
        async with self._alone:
            stale = self._lease.answers.offered
            await self._lease.ask(question)
            answer = await self._first(question, stale)
            await self._lease.ask(self._withdrawal())
            # Reports what was taken, and tells of an answer that was faster than the withdrawal.
            await self._lease.beat()
            if answer is None and (answer := self._lease.answers.take_one(stale)) is not None:
                self._lease.beat_soon()
            return answer

    async def _first(self, question: AskRequest, stale: frozenset[str]) -> BatchMessage | None:
        try:
            async with asyncio.timeout(question.expires_seconds):
                return await self._lease.answers.wait_for_one(stale)
        except TimeoutError:
            return None
        except asyncio.CancelledError:
            # A run that goes on must not take for an answer what nobody waits for.
            with suppress(RouterError, TimeoutError):
                async with asyncio.timeout(WITHDRAW_SECONDS):
                    await self._lease.ask(self._withdrawal())
            raise

    def _withdrawal(self) -> AskRequest:
        return AskRequest(fence=self._lease.run.fence, prompt_id=None)


def question_of(fields: dict[str, object]) -> AskRequest:
    """Return a question; raises `InvalidMessage` that names what does not fit."""
    try:
        return AskRequest.model_validate(fields)
    except ValidationError as error:
        raise InvalidMessage.here(error) from None
