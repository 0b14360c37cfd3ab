"""`POST /v1/resolve`: which session a source would get, and by which rules."""

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from app.api.auth import READER
from app.api.documentation import WRITING, problems, takes
from app.api.examples import RESOLVE
from app.api.http import answer, read_model
from app.api.messages import missing_part
from app.api.services import services_of
from app.routing.isolation import MissingPart
from app.routing.route import explain
from session_router.models import Resolution, ResolveRequest

router = APIRouter(tags=["policy"])


@router.post(
    "/v1/resolve",
    operation_id="resolve",
    summary="Explain which session a source gets",
    response_model=Resolution,
    responses=problems(*WRITING, 404),
    openapi_extra=takes(ResolveRequest, RESOLVE),
)
async def resolve(request: Request) -> Response:
    """The key, the effective policy, and field by field the rule that set it.

    Touches nothing in the store.
    """
    services = services_of(request)
    caller = services.caller(request, READER)
    body = await read_model(request, ResolveRequest)
    caller.require_agent(body.agent)
    try:
        return answer(
            explain(services.rulebook, body.agent, body.kind, body.source, body.message_id)
        )
    except MissingPart as error:
        raise missing_part(error) from error
