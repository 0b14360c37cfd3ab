"""`GET /v1/signals`: what a consumer should know at once, as server-sent events."""

from typing import Annotated

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import StreamingResponse

from app.api.auth import GATEWAY
from app.api.documentation import READING, problems, streams
from app.api.services import services_of
from app.api.streams import answer_stream, require_room
from session_router.models import (
    AnswerSignal,
    Id,
    InterruptSignal,
    LeaseLostSignal,
    SteerSignal,
    Words,
)

router = APIRouter(tags=["runs"])


class SignalsQuery(Words):
    """Whose signals are asked for."""

    consumer: Id


@router.get(
    "/v1/signals",
    operation_id="signals",
    summary="A stream of what a consumer should know at once",
    response_class=StreamingResponse,
    responses=problems(*READING, 422)
    | streams(InterruptSignal, SteerSignal, AnswerSignal, LeaseLostSignal),
)
async def signals(request: Request, query: Annotated[SignalsQuery, Query()]) -> StreamingResponse:
    """Events `interrupt`, `steer`, `answer` and `lease_lost`, each with the model of that name.

    What is outstanding is sent again on connect. A comment comes when nothing else does;
    `reconnect` when the service ends.
    """
    services = services_of(request)
    caller = services.caller(request, GATEWAY)
    require_room(services)
    return answer_stream("signals", services.signals.stream(caller.token_name, query.consumer))
