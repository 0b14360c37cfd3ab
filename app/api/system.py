"""The service itself: is it there, can it serve, how much is going on."""

import asyncio
from typing import Literal

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from app import metrics
from app.api.auth import READER, VIEWER
from app.api.documentation import READING, problems
from app.api.http import answer
from app.api.services import services_of
from app.errors import Forbidden, StoreUnavailable
from app.stored_metrics import StoredMetrics
from session_router.models import Stats, TokenAccess, Words

router = APIRouter(tags=["system"])


class Health(Words):
    """The service is there."""

    status: Literal["ok"] = "ok"


@router.get(
    "/healthz", operation_id="healthz", summary="Is the process there?", response_model=Health
)
async def healthz() -> Response:
    """Answers without asking the store; needs no token."""
    return answer(Health())


@router.get(
    "/readyz",
    operation_id="readyz",
    summary="Can it serve?",
    response_model=Health,
    responses=problems(503),
)
async def readyz(request: Request) -> Response:
    """Answers 200 when the store answers; needs no token."""
    await services_of(request).client.ping()
    return answer(Health())


@router.get(
    "/v1/stats",
    operation_id="stats",
    summary="Sessions and messages by state",
    response_model=Stats,
    responses=problems(*READING),
)
async def stats(request: Request) -> Response:
    """`accepted` is the sum of the other message states at any moment."""
    services = services_of(request)
    caller = services.caller(request, READER)
    return answer(await services.figures.read(caller.agents))


class MetricsPage(Response):
    """A page that Prometheus reads."""

    media_type = metrics.CONTENT_TYPE


@router.get(
    "/metrics",
    operation_id="metrics",
    summary="Figures for Prometheus",
    response_class=MetricsPage,
    responses=problems(401, 403) | {200: {"description": "Prometheus's text format."}},
)
async def metrics_page(request: Request) -> Response:
    """Of all workers behind this address, and of the store: for viewers and operators.

    Not for a token with agents of its own: the figures are of all. While the store is away
    its own figures are missing, and `session_router_store_up` is 0.
    """
    services = services_of(request)
    if services.caller(request, VIEWER).agents is not None:
        raise Forbidden("The metrics are of all agents, and this token has some.")
    try:
        stored = StoredMetrics(await services.figures.totals())
    except StoreUnavailable:
        stored = StoredMetrics(None)
    page = await asyncio.to_thread(metrics.page, stored)
    return MetricsPage(page)


@router.get(
    "/v1/access",
    operation_id="access",
    summary="Who am I, and what may I do?",
    response_model=TokenAccess,
    responses=problems(*READING),
)
async def access(request: Request) -> Response:
    """Name, role and agents of the token that asks; without one, whether one is needed."""
    services = services_of(request)
    if services.access.is_nobody(request):
        return answer(TokenAccess())
    caller = services.caller(request, READER)
    agents = None if caller.agents is None else tuple(sorted(caller.agents))
    return answer(TokenAccess(name=caller.token_name or None, role=caller.role, agents=agents))
