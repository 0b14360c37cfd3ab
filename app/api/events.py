"""`GET /v1/events`: the live feed, as server-sent events."""

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import StreamingResponse

from app.api.auth import READER
from app.api.documentation import READING, problems, streams
from app.api.services import services_of
from app.api.streams import answer_stream, require_room
from session_router.models import (
    Action,
    DeadLetterEvent,
    DecisionEvent,
    GapEvent,
    LeaseLostEvent,
    PolicyEvent,
    RunEndedEvent,
    RunGrantedEvent,
    Stats,
)

router = APIRouter(tags=["system"])


@router.get(
    "/v1/events",
    operation_id="events",
    summary="A stream of what happens",
    response_class=StreamingResponse,
    responses=problems(*READING)
    | streams(
        DecisionEvent,
        RunGrantedEvent,
        RunEndedEvent,
        LeaseLostEvent,
        DeadLetterEvent,
        PolicyEvent,
        Action,
        Stats,
        GapEvent,
    ),
)
async def events(request: Request) -> StreamingResponse:
    """What happens in the sessions of the token's agents, no texts of messages in it.

    `decision`, `run_granted`, `run_ended`, `lease_lost`, `dead_letter` and `policy` have the
    model of that name as data, `action` an `Action`, `stats` each second a `Stats`. Events are
    hints: what could not be sent is a `gap`, and nothing is sent again. `reconnect` comes when
    the service ends.
    """
    services = services_of(request)
    caller = services.caller(request, READER)
    require_room(services)
    return answer_stream("events", services.feed.stream(caller.agents))
