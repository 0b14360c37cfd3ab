"""One HTTP call as it is watched: its request id, its verb, how it went and how long it took."""

import logging
import re
from collections.abc import Awaitable
from dataclasses import dataclass
from itertools import count
from secrets import token_hex
from time import perf_counter
from typing import Final

from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app import logs, metrics, tracing
from session_router.models import Decision, Message as PlatformMessage

REQUEST_ID_HEADER: Final = "X-Request-Id"
OTHER_VERB: Final = "other"  # no call of the API: a page, or an address that is nothing
_SCOPE_KEY = "session_router.call"
_HEADER = REQUEST_ID_HEADER.lower().encode()
_SANE_ID = re.compile(rb"[A-Za-z0-9._-]{1,64}")
# A request's id is this process's and a number: chance costs a call of the kernel each time.
_PROCESS: Final = token_hex(4)
_NUMBERS: Final = count(1)

logger = logging.getLogger(__name__)


@dataclass(slots=True)
class Call:
    """A call on its way. `outcome` is a problem's code; `status` is 0 until it is answered.

    `by` is the name of the token that calls, and `is_operators` whether only an operator may.
    """

    request_id: str
    started: float
    outcome: str = metrics.OK
    status: int = 0
    seconds: float = 0.0
    by: str = ""
    is_operators: bool = False


def call_of(request: Request) -> Call:
    call: Call = request.scope[_SCOPE_KEY]
    return call


def verb_of(scope: Scope) -> str:
    """The verb that a request was routed to: the `operation_id` of its handler."""
    return getattr(scope.get("route"), "operation_id", None) or OTHER_VERB


class WatchedCalls:
    """Gives every call a request id; counts and logs it when it has ended.

    An id that came with the request is kept, if it could stand in any log as it is. It is never
    reset: a request has a context of its own, which ends with it.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection, as ASGI has it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        call = Call(_request_id(scope), perf_counter())
        scope[_SCOPE_KEY] = call
        logs.request_id.set(call.request_id)

        def answer(message: Message) -> Awaitable[None]:
            if message["type"] == "http.response.start":
                call.status = message["status"]
                call.seconds = perf_counter() - call.started
                request_id = (_HEADER, call.request_id.encode())
                message["headers"] = [*message["headers"], request_id]
            return send(message)

        with tracing.calling(scope["headers"]) as span:
            try:
                await self._app(scope, receive, answer)
            except Exception:
                call.outcome = metrics.UNEXPECTED
                raise
            finally:
                verb = verb_of(scope)
                _note(call, verb, scope)
                span.end(verb, call.outcome, call.status, call.request_id)


def _request_id(scope: Scope) -> str:
    for name, value in scope["headers"]:
        if name == _HEADER and _SANE_ID.fullmatch(value):
            return str(value, "ascii")
    return f"{_PROCESS}{next(_NUMBERS):08x}"


def _note(call: Call, verb: str, scope: Scope) -> None:
    if call.status == 0:
        call.seconds = perf_counter() - call.started
    metrics.answered(verb, call.outcome, call.seconds)
    level = logging.INFO if call.is_operators else logging.DEBUG
    if logger.isEnabledFor(level):
        parameters = scope.get("path_params", {})
        told = logs.fields(
            verb=verb,
            outcome=call.outcome,
            status=call.status,
            ms=round(call.seconds * 1000, 1),
            by=call.by or None,
            session=parameters.get("key"),
            run_id=parameters.get("run_id"),
        )
        logger.log(level, "answered", extra=told)


def note_decision(message: PlatformMessage, decision: Decision) -> None:
    """Count a decision and log it, without the message's text."""
    metrics.decided(decision.decision, decision.reason)
    tracing.decided(decision.decision, decision.reason)
    if logger.isEnabledFor(logging.DEBUG):
        told = logs.fields(
            decision=decision.decision,
            reason=decision.reason,
            session=None if decision.session is None else decision.session.key,
            message_id=message.message_id,
            user_id=None if message.source is None else message.source.user_id,
            consumer=message.consumer,
            run_id=None if decision.run is None else decision.run.id,
        )
        logger.debug("decided", extra=told)
