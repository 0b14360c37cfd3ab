"""The calls on a run, for its holder: heartbeat and complete; and what a run is."""

import asyncio
from typing import Annotated, Any

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import Response

from app import metrics
from app.api.auth import GATEWAY, READER, Caller
from app.api.documentation import READING, WRITING, problems, takes
from app.api.examples import ASK, CLAIM, COMPLETE, HEARTBEAT, SEAL
from app.api.http import answer, read_model
from app.api.services import Services, services_of
from app.errors import TooManyClaims, UnknownRun
from app.routing.keys import SessionKey, agent_of
from app.store.ready_runs import Claimer
from session_router.models import (
    Asked,
    AskRequest,
    ClaimedRuns,
    ClaimRequest,
    CompleteRequest,
    Completion,
    Heartbeat,
    HeartbeatRequest,
    Id,
    RunList,
    RunState,
    Seal,
    SealRequest,
    Words,
)

CLIENT_GONE = 499  # nobody reads it

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
    session = _require_run_of_agent(services, caller, run_id)
    completion = await services.store.complete(run_id, body)
    services.feed.completed(run_id, session, body, completion)
    return answer(completion)


@router.post(
    "/v1/runs/{run_id}/seal",
    operation_id="seal",
    summary="Close a run before its reply goes out",
    response_model=Seal,
    responses=problems(*WRITING, 404, 409),
    openapi_extra=takes(SealRequest, SEAL),
)
async def seal(request: Request, run_id: str) -> Response:
    """Once sealed, nothing interrupts or steers the run, and what comes waits.

    `sealed: false` names what came first: see it, or stop. A sealed run that dies is not
    repeated, unless the policy says `resend_unconfirmed`.
    """
    services = services_of(request)
    caller = services.caller(request, GATEWAY)
    body = await read_model(request, SealRequest)
    _require_run_of_agent(services, caller, run_id)
    return answer(await services.store.seal(run_id, body))


@router.post(
    "/v1/runs/{run_id}/ask",
    operation_id="ask",
    summary="Let a run ask people, or withdraw what it asked",
    response_model=Asked,
    responses=problems(*WRITING, 404, 409),
    openapi_extra=takes(AskRequest, ASK),
)
async def ask(request: Request, run_id: str) -> Response:
    """One prompt at a time: a new one replaces the old, `prompt_id: null` withdraws it.

    What answers it is decided as `answer` and offered to the run. The time it asks does not
    count against `max_run_seconds`.
    """
    services = services_of(request)
    caller = services.caller(request, GATEWAY)
    body = await read_model(request, AskRequest)
    _require_run_of_agent(services, caller, run_id)
    return answer(await services.store.ask(run_id, body))


@router.post(
    "/v1/runs/claim",
    operation_id="claim",
    summary="Take the runs of sessions that wait for nobody in particular",
    response_model=ClaimedRuns,
    responses=problems(*WRITING),
    openapi_extra=takes(ClaimRequest, CLAIM),
)
async def claim(request: Request) -> Response:
    """Answers as soon as there is a run, or empty after `wait_seconds`.

    Longest-ready first, exactly so within a shard. Repeated with its `request_id` it answers
    with the same runs, as far as they are active and untouched.
    """
    services = services_of(request)
    caller = services.caller(request, GATEWAY)
    body = await read_model(request, ClaimRequest)
    claimer = Claimer(caller.token_name, body.consumer, body.request_id or "")
    if services.claims.waiting() >= services.claims_max:
        raise TooManyClaims
    for agent in body.agents or ():
        if caller.may_see(agent):
            services.presence.saw(agent, caller.token_name, body.consumer)
    waiting = await services.claims.enter(body, claimer, caller.agents)
    gone = asyncio.ensure_future(request.receive())
    try:
        both: set[asyncio.Future[Any]] = {waiting.answer, gone}
        with metrics.waiting_claim():
            await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
        if gone.done():
            await services.claims.leave(waiting)
            return Response(status_code=CLIENT_GONE)
        runs = waiting.answer.result()
        for run in runs:
            services.presence.saw(agent_of(run.session_key), caller.token_name, body.consumer)
            services.feed.granted(run, "claim")
        return answer(ClaimedRuns(runs=runs))
    finally:
        gone.cancel()


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


def _require_run_of_agent(services: Services, caller: Caller, run_id: str) -> SessionKey:
    session = services.store.session_of_run(run_id)
    if not caller.may_see(agent_of(session)):
        raise UnknownRun
    return session
