"""What operators do to many sessions at once, and what was done by whom."""

from collections.abc import Awaitable, Callable
from typing import Annotated, Final

from fastapi import APIRouter, Query
from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response

from app.api.auth import OPERATOR, READER, Caller
from app.api.documentation import READING, WRITING, problems, takes
from app.api.examples import ACTIONS
from app.api.http import answer, read_model
from app.api.services import Services, services_of
from app.api.sessions import session_seen_by
from app.errors import StoreUnavailable, UnknownRun, UnknownSession
from app.routing.keys import SessionKey
from app.store.actions import ActionFilter
from app.store.operations import Operations
from session_router.models import (
    ActionPage,
    ActionResult,
    ActionResults,
    ActionsRequest,
    ActionWord,
    Change,
    Seeing,
    SessionToAct,
    SessionVerb,
    Words,
)

router = APIRouter(tags=["operations"])


class ActionQuery(Words):
    """Which actions are listed, and from where."""

    action: ActionWord | None = None
    by: Annotated[str, Field(max_length=64)] | None = None
    session: Annotated[str, Field(max_length=4096)] | None = None
    limit: Annotated[int, Field(ge=1, le=200)] = 50
    cursor: Annotated[str, Field(max_length=8192)] | None = None


@router.get(
    "/v1/actions",
    operation_id="actions",
    summary="A page of what was done by whom, newest first",
    response_model=ActionPage,
    responses=problems(*READING, 422),
)
async def actions(request: Request, query: Annotated[ActionQuery, Query()]) -> Response:
    """The last 1,000 of each agent, shard by shard, and of the policy.

    `by` is a token's name. A page may be shorter than `limit`; only a null `cursor` is the end.
    """
    services = services_of(request)
    caller = services.caller(request, READER)
    wanted = ActionFilter(
        agents=caller.agents, action=query.action, by=query.by, session=query.session
    )
    return answer(await services.actions.page(wanted, query.limit, query.cursor))


@router.post(
    "/v1/sessions/actions",
    operation_id="act_on_sessions",
    summary="Do one thing to up to 100 sessions",
    response_model=ActionResults,
    responses=problems(*WRITING),
    openapi_extra=takes(ActionsRequest, ACTIONS),
)
async def act_on_sessions(request: Request) -> Response:
    """Each as by a call of its own, one after the other; the answer tells what became of each.

    Where the store is lost on the way, that session and those after it are `unavailable`; 503
    where it was lost with the first. Repeated with what was seen, each is done once.
    """
    services = services_of(request)
    caller = services.caller(request, OPERATOR)
    body = await read_model(request, ActionsRequest)
    results: list[ActionResult] = []
    for one in body.sessions:
        try:
            results.append(await _act(services, caller, body.action, one))
        except StoreUnavailable:
            if not results:
                raise
            break  # or each of the others would wait for the store as long
    left = body.sessions[len(results) :]
    results += [ActionResult(key=one.key, result="unavailable") for one in left]
    return answer(ActionResults(results=tuple(results)))


Verb = Callable[[Operations, SessionKey, str, Seeing], Awaitable[Change]]
VERBS: Final[dict[SessionVerb, Verb]] = {
    "interrupt": Operations.interrupt,
    "release": Operations.release,
    "reset": Operations.reset,
    "pause": Operations.pause,
    "resume": Operations.resume,
    "delete": Operations.delete,
}


async def _act(
    services: Services, caller: Caller, verb: SessionVerb, to_act: SessionToAct
) -> ActionResult:
    try:
        session = session_seen_by(caller, to_act.key)
        change = await VERBS[verb](services.operations, session, caller.token_name, to_act)
    except (UnknownSession, UnknownRun):
        return ActionResult(key=to_act.key, result="unknown")
    return ActionResult(key=to_act.key, result="changed" if change.changed else "unchanged")
