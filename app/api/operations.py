"""What operators do to a session. Each action may carry what the person saw."""

from collections.abc import Awaitable, Callable

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from app.api.auth import GATEWAY, OPERATOR, Caller
from app.api.documentation import WRITING, problems, takes
from app.api.examples import SEEING
from app.api.http import answer, read_seeing
from app.api.key_route import KeyRoute
from app.api.services import services_of
from app.api.sessions import session_seen_by
from app.routing.keys import SessionKey
from app.store.operations import Operations
from app.tokens import Role
from session_router.models import Change, Seeing

router = APIRouter(tags=["operations"], route_class=KeyRoute)
Verb = Callable[[SessionKey, str, Seeing], Awaitable[Change]]


async def _act(
    request: Request,
    key: str,
    verb: Callable[[Operations], Verb],
    roles: frozenset[Role] = OPERATOR,
) -> Response:
    services = services_of(request)
    caller: Caller = services.caller(request, roles)
    session = session_seen_by(caller, key)
    seeing = await read_seeing(request)
    return answer(await verb(services.operations)(session, caller.token_name, seeing))


@router.post(
    "/v1/sessions/{key}/interrupt",
    operation_id="interrupt",
    summary="Ask the active run to stop",
    response_model=Change,
    responses=problems(*WRITING, 404),
    openapi_extra=takes(Seeing, SEEING, required=False),
)
async def interrupt(request: Request, key: str) -> Response:
    """Its holder is told; unless it confirms, the run ends as lost after the grace."""
    return await _act(request, key, lambda operations: operations.interrupt)


@router.post(
    "/v1/sessions/{key}/reset",
    operation_id="reset",
    summary="Start a new session id under this key",
    response_model=Change,
    responses=problems(*WRITING, 404),
    openapi_extra=takes(Seeing, SEEING, required=False),
)
async def reset(request: Request, key: str) -> Response:
    """At once if nothing runs, else when the run has ended; its batch never runs again."""
    return await _act(request, key, lambda operations: operations.reset)


@router.post(
    "/v1/sessions/{key}/release",
    operation_id="release",
    summary="Take the lease from its holder",
    response_model=Change,
    responses=problems(*WRITING, 404),
    openapi_extra=takes(Seeing, SEEING, required=False),
)
async def release(request: Request, key: str) -> Response:
    """The old fence is refused from then on; batch and queue stay."""
    return await _act(request, key, lambda operations: operations.release)


@router.post(
    "/v1/sessions/{key}/pause",
    operation_id="pause",
    summary="Let everything wait: a person takes over",
    response_model=Change,
    responses=problems(*WRITING, 404),
    openapi_extra=takes(Seeing, SEEING, required=False),
)
async def pause(request: Request, key: str) -> Response:
    """An active run ends by itself and hands nothing over; controls still act."""
    return await _act(request, key, lambda operations: operations.pause)


@router.post(
    "/v1/sessions/{key}/resume",
    operation_id="resume",
    summary="Let a paused session go on",
    response_model=Change,
    responses=problems(*WRITING, 404),
    openapi_extra=takes(Seeing, SEEING, required=False),
)
async def resume(request: Request, key: str) -> Response:
    """What waits is ready again."""
    return await _act(request, key, lambda operations: operations.resume)


@router.delete(
    "/v1/sessions/{key}/queue/{seq}",
    operation_id="remove",
    summary="Remove one waiting message",
    response_model=Change,
    responses=problems(*WRITING, 404),
    openapi_extra=takes(Seeing, SEEING, required=False),
)
async def remove(request: Request, key: str, seq: int) -> Response:
    """Open to gateways too. A message that a run has stays there: `changed` is false."""

    def verb(operations: Operations) -> Verb:
        return lambda session, who, seeing: operations.remove(session, who, seeing, seq)

    return await _act(request, key, verb, GATEWAY)


@router.delete(
    "/v1/sessions/{key}",
    operation_id="delete_session",
    summary="Delete a session",
    response_model=Change,
    responses=problems(*WRITING, 404),
    openapi_extra=takes(Seeing, SEEING, required=False),
)
async def delete(request: Request, key: str) -> Response:
    """What waits or runs becomes removed, the run is fenced out, ids stay known."""
    return await _act(request, key, lambda operations: operations.delete)
