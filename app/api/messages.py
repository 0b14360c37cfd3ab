"""`POST /v1/messages` and `GET /v1/messages`: a message on its way in, and what became of it."""

from typing import Annotated

from fastapi import APIRouter, Query
from pydantic_core import to_json
from starlette.requests import Request
from starlette.responses import Response

from app.api.auth import GATEWAY, READER
from app.api.calls import note_decision
from app.api.documentation import READING, WRITING, problems, takes
from app.api.examples import AMEND, MESSAGE
from app.api.http import answer, read_model
from app.api.services import Services, services_of
from app.errors import InvalidRequest, StoreUnavailable, TooLarge
from app.routing.isolation import MissingPart
from app.routing.keys import InvalidKey, agent_of, chat_name
from app.routing.route import chat_of_source
from app.store.admissions import Admission, ChatRenamed, ConversationMoved, routed, sent_to
from app.store.session_store import MOVING
from session_router.models import (
    Amendment,
    AmendRequest,
    Decision,
    FieldError,
    Id,
    Message,
    MessageStatus,
    Platform,
    Source,
    To,
    Words,
)

TEXT_BYTES_MAX = 160 * 1024
PAYLOAD_BYTES_MAX = 64 * 1024
CHOICES_MAX = 50  # of a conversation, while others write in the same chat

router = APIRouter(tags=["messages"])


@router.post(
    "/v1/messages",
    operation_id="admit",
    summary="Decide one message, now: run, queue, interrupt, steer, answer, reject and the like",
    response_model=Decision,
    responses=problems(*WRITING, 404),
    openapi_extra=takes(Message, MESSAGE),
)
async def admit(request: Request) -> Response:
    """One atomic step: which session the message belongs to, and what happens to it now.

    Sent again with the same ids it answers `duplicate`, with the same grant while that run
    is active and its holder has made no call on it.
    """
    services = services_of(request)
    caller = services.caller(request, GATEWAY)
    message = await read_model(request, Message)
    caller.require_agent(message.agent)
    _require_size(message)
    if message.to is not None:
        _require_session_of_agent(message, message.to)
    decision = await _decide(services, message, caller.token_name)
    note_decision(message, decision)
    return answer(decision)


async def _decide(services: Services, message: Message, token_name: str) -> Decision:
    for _ in range(CHOICES_MAX):
        admission = await _admission(services, message, token_name)
        if admission is None:
            return Decision(decision="kept", reason="no_session")
        match await services.store.admit(admission):
            case Decision() as decision:
                services.presence.saw(message.agent, token_name, message.consumer)
                services.feed.decided(message, admission.session, decision)
                return decision
            case ChatRenamed() as renamed:
                services.places.learn_name(renamed)
            case ConversationMoved():
                continue
    raise StoreUnavailable(MOVING)


async def _admission(services: Services, message: Message, token_name: str) -> Admission | None:
    """Place a message; None for a line of context that has no session to be kept for."""
    origin = message.origin
    if isinstance(origin, To):
        return sent_to(message, origin, token_name)
    try:
        routing, hearing = await services.places.place(message, origin, teach=True)
    except MissingPart as error:
        raise missing_part(error) from error
    opens = routing.opens_thread or (hearing is not None and hearing.choice.is_new)
    if message.kind != "context":
        return routed(message, routing, token_name, hearing)
    return None if opens else routed(message, routing, token_name)


def _require_session_of_agent(message: Message, to: To) -> None:
    try:
        agent = agent_of(to.session_key)
    except InvalidKey as error:
        what = "is no session key"
        raise InvalidRequest(errors=(FieldError(path="to.session_key", message=what),)) from error
    if agent != message.agent:
        what = "is a session of another agent: send its `agent` too"
        raise InvalidRequest(errors=(FieldError(path="to.session_key", message=what),))


def _require_text_size(text: str) -> None:
    if len(text.encode()) > TEXT_BYTES_MAX:
        too_long = FieldError(path="text", message="is over 160 KiB")
        raise TooLarge(errors=(too_long,))


def _require_size(message: Message) -> None:
    _require_text_size(message.text)
    if len(to_json(message.payload)) > PAYLOAD_BYTES_MAX:
        too_large = FieldError(path="payload", message="is over 64 KiB")
        raise TooLarge(errors=(too_large,))


def missing_part(error: MissingPart) -> InvalidRequest:
    return InvalidRequest(errors=(FieldError(path=error.path, message=str(error)),))


@router.post(
    "/v1/messages/amend",
    operation_id="amend",
    summary="Edit or delete a message that still waits",
    response_model=Amendment,
    responses=problems(*WRITING, 404),
    openapi_extra=takes(AmendRequest, AMEND),
)
async def amend(request: Request) -> Response:
    """What a run has is left as it is: `already_delivered`. Of `source` only the chat counts.

    What overtakes its message is `unknown`, kept a minute and applied when the message comes.
    """
    services = services_of(request)
    caller = services.caller(request, GATEWAY)
    body = await read_model(request, AmendRequest)
    caller.require_agent(body.agent)
    _require_text_size(body.text or "")
    chat = chat_of_source(services.rulebook, body.agent, body.source)
    return answer(await services.store.amend(chat_name(chat), body))


class MessageQuery(Words):
    """Which message is asked for: its chat and its id."""

    agent: Id = "main"
    platform: Platform
    account: Id = "default"
    scope: Id | None = None
    chat_id: Id
    message_id: Id


@router.get(
    "/v1/messages",
    operation_id="message",
    summary="What became of a message",
    response_model=MessageStatus,
    responses=problems(*READING, 404, 422),
)
async def message(request: Request, query: Annotated[MessageQuery, Query()]) -> Response:
    """State, reason and short history of an accepted message, `dedupe_seconds` after its end."""
    services = services_of(request)
    services.caller(request, READER).require_agent(query.agent)
    source = Source(
        platform=query.platform,
        account=query.account,
        scope=query.scope,
        chat_type="group",
        chat_id=query.chat_id,
    )
    chat = chat_of_source(services.rulebook, query.agent, source)
    return answer(await services.views.message(chat_name(chat), query.message_id))
