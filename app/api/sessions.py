"""Sessions as operators and gateways look at them."""

from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response

from app.api.auth import GATEWAY, READER, Caller
from app.api.documentation import READING, WRITING, problems, takes
from app.api.examples import BIND
from app.api.http import answer, read_model
from app.api.key_route import KeyRoute
from app.api.services import services_of
from app.api.texts import TextsQuery, session_with, texts_for
from app.errors import UnknownSession
from app.routing.keys import InvalidKey, SessionKey, agent_of
from app.store.session_lists import SessionFilter
from session_router.models import (
    Binding,
    BindRequest,
    Id,
    Platform,
    SessionDetail,
    SessionOrder,
    SessionPage,
    SessionState,
    Timeline,
    Words,
)

router = APIRouter(tags=["sessions"], route_class=KeyRoute)


class SessionQuery(Words):
    """Which sessions are listed, and from where."""

    agent: Id | None = None
    platform: Platform | None = None
    chat: Id | None = None
    user: Id | None = None
    state: SessionState | None = None
    search: Annotated[str, Field(min_length=1, max_length=512)] | None = None
    order: SessionOrder = "key"
    limit: Annotated[int, Field(ge=1, le=200)] = 50
    cursor: Annotated[str, Field(max_length=8192)] | None = None


@router.get(
    "/v1/sessions",
    operation_id="sessions",
    summary="A page of sessions",
    response_model=SessionPage,
    responses=problems(*READING, 422),
)
async def sessions(request: Request, query: Annotated[SessionQuery, Query()]) -> Response:
    """By key; with a `state` other than idle by time in that state, longest first.

    By `oldest_wait` those in which something waits, the oldest wait first. `chat` and `user`
    are ids of the platform, `search` is any part of a key as keys spell it. A page may be
    shorter than `limit`, or empty; only a null `cursor` is the end.
    """
    services = services_of(request)
    caller = services.caller(request, READER)
    wanted = SessionFilter(
        agents=caller.agents,
        agent=query.agent,
        platform=query.platform,
        chat_id=query.chat,
        user_id=query.user,
        state=query.state,
        search=query.search,
        order=query.order,
    )
    return answer(await services.lists.page(wanted, query.limit, query.cursor))


@router.get(
    "/v1/sessions/{key}",
    operation_id="session",
    summary="One session: run, queue, counters, context",
    response_model=SessionDetail,
    responses=problems(*READING, 404, 422),
)
async def session(request: Request, key: str, query: Annotated[TextsQuery, Query()]) -> Response:
    """The key is URL-encoded. All of one moment.

    Texts are shown to gateways, and to people where they ask for them with `texts=true` and
    no setting hides them.
    """
    services = services_of(request)
    caller = services.caller(request, READER)
    detail = await services.views.session(session_seen_by(caller, key))
    texts = texts_for(caller, query.texts, hides_texts=services.hides_texts)
    return answer(session_with(detail, texts))


@router.get(
    "/v1/sessions/{key}/timeline",
    operation_id="timeline",
    summary="The last 50 events of a session",
    response_model=Timeline,
    responses=problems(*READING, 404),
)
async def timeline(request: Request, key: str) -> Response:
    """What happened, when, why, by whom; oldest first."""
    services = services_of(request)
    caller = services.caller(request, READER)
    return answer(await services.views.timeline(session_seen_by(caller, key)))


@router.post(
    "/v1/sessions/{key}/threads",
    operation_id="bind",
    summary="Bind the thread that was made for a message",
    response_model=Binding,
    responses=problems(*WRITING, 404, 409),
    openapi_extra=takes(BindRequest, BIND),
)
async def bind(request: Request, key: str) -> Response:
    """What is sent in the thread belongs to this session from then on. Repeated, it is so.

    409 `thread_taken` if the thread has a session, or the session a thread.
    """
    services = services_of(request)
    caller = services.caller(request, GATEWAY)
    session = session_seen_by(caller, key)
    body = await read_model(request, BindRequest)
    await services.store.bind_thread(session, body.thread_id)
    return answer(Binding(session_key=session, thread_id=body.thread_id))


def session_seen_by(caller: Caller, key: str) -> SessionKey:
    """Read a key from a path; raises `UnknownSession` for none, or another agent's."""
    try:
        agent = agent_of(key)
    except InvalidKey as error:
        raise UnknownSession from error
    if not caller.may_see(agent):
        raise UnknownSession
    return SessionKey(key)
