"""How a run ends, judged by how its handler ended and by what was asked meanwhile."""

import asyncio
import logging
import traceback
from typing import Final, NamedTuple

from session_router.errors import Interrupted, Superseded
from session_router.models import Outcome

logger: Final = logging.getLogger("session_router")

REASON_CHARACTERS_MAX: Final = 500


class Ending(NamedTuple):
    """How a run ended, in the words of `complete`."""

    outcome: Outcome
    reason: str | None = None
    requeue: bool = False
    next: bool = True


class Circumstances(NamedTuple):
    """What was known of a run when its handler ended.

    `interrupted`: somebody wanted it to stop, and `stopped`: it was cancelled for that.
    `requeue`: what it had is to come again then. `released` is how the run ends if it was
    handed back, from the handler itself (`by_handler`) or from outside. `fault`: what ended the
    client's own watch over the lease, so that the handler had to be cancelled.
    """

    run_id: str
    sealed: bool = False
    interrupted: bool = False
    stopped: bool = False
    requeue: bool = False
    released: Ending | None = None
    by_handler: bool = False
    fault: BaseException | None = None


def judge(handler: asyncio.Task[None], now: Circumstances) -> Ending:
    """Tell how a run ends whose handler is done.

    What was sealed and ended without a clear word is completed: its reply may be out, so it
    must not come again. Only the handler itself can give a sealed run back.
    """
    error = None if handler.cancelled() else handler.exception()
    if error is not None and not isinstance(error, Interrupted | Superseded):
        _complain(now.run_id, error)
    error = error or now.fault
    if now.released is not None and now.by_handler:
        return now.released
    if error is None and not handler.cancelled():
        return Ending("interrupted" if now.interrupted and not now.sealed else "completed")
    if now.sealed:
        return Ending("completed", _cut(f"after the seal: {_reason(error)}"))
    return now.released or _unsealed(error, now)


def _unsealed(error: BaseException | None, now: Circumstances) -> Ending:
    if isinstance(error, Superseded) and not now.interrupted:
        return Ending("released", "superseded")
    if now.stopped or isinstance(error, Interrupted | Superseded):
        return Ending("interrupted", requeue=now.requeue and now.interrupted)
    return Ending("failed", _reason(error))


def _reason(error: BaseException | None) -> str:
    return "CancelledError" if error is None else _cut(f"{type(error).__name__}: {error}")


def _cut(text: str) -> str:
    return cut(text, REASON_CHARACTERS_MAX)


def cut(text: str, characters_max: int) -> str:
    """Return the start of a text, fit for JSON: lone surrogates are replaced."""
    return text[:characters_max].encode(errors="replace").decode()


def _complain(run_id: str, error: BaseException) -> None:
    # The frames without the error's text, which may quote a message.
    frames = "".join(traceback.format_tb(error.__traceback__))
    logger.warning("run %s: its handler raised %s\n%s", run_id, type(error).__name__, frames)
