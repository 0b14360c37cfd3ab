"""`POST /v1/chats/move`: a chat whose id changed."""

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from app.api.auth import GATEWAY
from app.api.documentation import WRITING, problems, takes
from app.api.examples import MOVE
from app.api.http import answer, read_model
from app.api.services import services_of
from app.errors import InvalidRequest
from session_router.models import FieldError, Move, MoveRequest

router = APIRouter(tags=["messages"])


@router.post(
    "/v1/chats/move",
    operation_id="move",
    summary="Make a chat's new id a name of its old one",
    response_model=Move,
    responses=problems(*WRITING, 404),
    openapi_extra=takes(MoveRequest, MOVE),
)
async def move(request: Request) -> Response:
    """Sessions stay keyed by the id that the chat had first; routes keep the id as sent.

    What waits or runs under the new id already ends there.
    """
    services = services_of(request)
    caller = services.caller(request, GATEWAY)
    body = await read_model(request, MoveRequest)
    caller.require_agent(body.agent)
    if body.from_ == body.to:
        raise InvalidRequest(errors=(FieldError(path="to", message="is the same as from"),))
    return answer(await services.places.move(body))
