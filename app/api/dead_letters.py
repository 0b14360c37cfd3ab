"""Dead letters: messages whose runs failed too often, for a person to decide."""

from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response

from app.api.auth import OPERATOR, READER
from app.api.documentation import READING, problems
from app.api.http import answer
from app.api.services import services_of
from app.api.texts import TextsQuery, letters_with, texts_for
from session_router.models import Change, DeadLetterPage

router = APIRouter(tags=["dead letters"])


class PageQuery(TextsQuery):
    """How many, and from where."""

    limit: Annotated[int, Field(ge=1, le=200)] = 50
    cursor: Annotated[str, Field(max_length=8192)] | None = None


@router.get(
    "/v1/dead-letters",
    operation_id="dead_letters",
    summary="A page of dead letters, oldest first",
    response_model=DeadLetterPage,
    responses=problems(*READING, 422),
)
async def dead_letters(request: Request, query: Annotated[PageQuery, Query()]) -> Response:
    """Only a null `cursor` is the end. Texts are shown as in the view of a session."""
    services = services_of(request)
    caller = services.caller(request, READER)
    page = await services.dead_letters.page(caller.agents, query.limit, query.cursor)
    texts = texts_for(caller, query.texts, hides_texts=services.hides_texts)
    return answer(letters_with(page, texts))


@router.post(
    "/v1/dead-letters/{letter_id}/redrive",
    operation_id="redrive",
    summary="Put a dead letter back to the end of its session's queue",
    response_model=Change,
    responses=problems(*READING, 404),
)
async def redrive(request: Request, letter_id: str) -> Response:
    """Its deliveries are counted anew. Repeated, `changed` is false."""
    services = services_of(request)
    caller = services.caller(request, OPERATOR)
    return answer(await services.dead_letters.redrive(letter_id, caller.token_name, caller.agents))


@router.delete(
    "/v1/dead-letters/{letter_id}",
    operation_id="discard",
    summary="Let a dead letter go",
    response_model=Change,
    responses=problems(*READING, 404),
)
async def discard(request: Request, letter_id: str) -> Response:
    """Its message ends as removed. Repeated, `changed` is false."""
    services = services_of(request)
    caller = services.caller(request, OPERATOR)
    return answer(await services.dead_letters.discard(letter_id, caller.token_name, caller.agents))
