"""The calls on a run, for its holder: heartbeat and complete; and what a run is."""

from typing import Annotated

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import Response

from app.api.auth import GATEWAY, READER, Caller
from app.api.documentation import READING, WRITING, problems, takes
from app.api.examples import COMPLETE, HEARTBEAT
from app.api.http import answer, read_model
from app.api.services import Services, services_of
from app.errors import UnknownRun
from app.routing.keys import agent_of
from session_router.models import (
    CompleteRequest,
    Completion,
    Heartbeat,
    HeartbeatRequest,
    Id,
    RunList,
    RunState,
    Words,
)

router = APIRouter(tags=["runs"])


@router.post(
    "/v1/runs/{run_id}/heartbeat",
    operation_id="heartbeat",
    summary="Renew a run's lease",
    response_model=Heartbeat,
    responses=problems(*WRITING, 404, 409),
    openapi_extra=takes(HeartbeatRequest, HEARTBEAT),
)
async def heartbeat(request: Request, run_id: str) -> Response:
    """Moves the deadline to `lease_seconds` from now, and says whether the run is to stop."""
    services = services_of(request)
    caller = services.caller(request, GATEWAY)
    body = await read_model(request, HeartbeatRequest)
    _require_run_of_agent(services, caller, run_id)
    return answer(await services.store.heartbeat(run_id, body))


@router.post(
    "/v1/runs/{run_id}/complete",
    operation_id="complete",
    summary="End a run and take the session's next batch",
    response_model=Completion,
    responses=problems(*WRITING, 404, 409),
    openapi_extra=takes(CompleteRequest, COMPLETE),
)
async def complete(request: Request, run_id: str) -> Response:
    """Ends the run by its `outcome`; `next` is granted in the same step.

    Repeated with the same fence it answers the same; `next` is given again while that run
    is active and nobody has called on it.
    """
    services = services_of(request)
    caller = services.caller(request, GATEWAY)
    body = await read_model(request, CompleteRequest)
    _require_run_of_agent(services, caller, run_id)
    return answer(await services.store.complete(run_id, body))


@router.get(
    "/v1/runs/{run_id}",
    operation_id="run",
    summary="How a run stands, or how it ended",
    response_model=RunState,
    responses=problems(*READING, 404),
)
async def run(request: Request, run_id: str) -> Response:
    """An ended run is remembered for `dedupe_seconds`."""
    services = services_of(request)
    caller = services.caller(request, READER)
    _require_run_of_agent(services, caller, run_id)
    return answer(await services.views.run(run_id))


class HeldQuery(Words):
    """Whose runs are asked for."""

    consumer: Id


@router.get(
    "/v1/runs",
    operation_id="runs",
    summary="The active runs that a consumer holds",
    response_model=RunList,
    responses=problems(*READING, 422),
)
async def runs(request: Request, query: Annotated[HeldQuery, Query()]) -> Response:
    """Those granted to this consumer name with the token that asks."""
    services = services_of(request)
    caller = services.caller(request, READER)
    held = await services.views.held_runs(caller.token_name, query.consumer)
    seen = tuple(run for run in held if caller.may_see(agent_of(run.session_key)))
    return answer(RunList(runs=seen))


def _require_run_of_agent(services: Services, caller: Caller, run_id: str) -> None:
    if not caller.may_see(agent_of(services.store.session_of_run(run_id))):
        raise UnknownRun
