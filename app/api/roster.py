"""Who is there: the routers that serve, and the consumers that called them."""

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from app.api.auth import READER
from app.api.documentation import READING, problems
from app.api.http import answer
from app.api.services import services_of
from session_router.models import ConsumerList, RouterList

router = APIRouter(tags=["system"])


@router.get(
    "/v1/routers",
    operation_id="routers",
    summary="The routers that serve",
    response_model=RouterList,
    responses=problems(*READING),
)
async def routers(request: Request) -> Response:
    """Each worker process that was there within the last minute."""
    services = services_of(request)
    services.caller(request, READER)
    return answer(await services.roster.routers())


@router.get(
    "/v1/consumers",
    operation_id="consumers",
    summary="The consumers that called lately",
    response_model=ConsumerList,
    responses=problems(*READING),
)
async def consumers(request: Request) -> Response:
    """Who sent a message, claimed or listened for signals within the last hour.

    Seen to the second; a heartbeat alone does not count. A token of some agents is shown those
    that called for them, and the runs of these agents alone.
    """
    services = services_of(request)
    caller = services.caller(request, READER)
    return answer(await services.roster.consumers(caller.agents))
