"""What every handler does first and last: bytes into a model, a model into bytes."""

import re
from typing import TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive

from app.api.headers import header
from app.api.services import services_of
from app.errors import BodyTooSlow, InvalidRequest, MalformedBody, ServiceEnds, TooLarge
from app.json_text import json_of
from session_router.models import FieldError, Seeing

BODY_BYTES_MAX = 256 * 1024
ERRORS_TOLD_MAX = 100
_JSON = (b"content-type", b"application/json")
_FIELD = re.compile(r"[a-z_]+|[0-9]+")
Model = TypeVar("Model", bound=BaseModel)


async def read_bytes(request: Request) -> bytes:
    """Read a body of at most 256 KiB, and no more, as long as there is patience.

    Raises `TooLarge`, `BodyTooSlow` and `ServiceEnds`.
    """
    announced = header(request, b"content-length") or "0"
    if announced.isdecimal() and int(announced) > BODY_BYTES_MAX:
        raise TooLarge
    patience = services_of(request).patience
    try:
        return await patience.wait(_read_all(request.receive))
    except TimeoutError as error:
        raise (ServiceEnds if patience.is_lost else BodyTooSlow) from error


async def _read_all(receive: Receive) -> bytes:
    body = bytearray()
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise MalformedBody("The client went away before its body was read.")
        body += message.get("body", b"")
        if len(body) > BODY_BYTES_MAX:
            raise TooLarge
        if not message.get("more_body", False):
            return bytes(body)


async def read_model(request: Request, model: type[Model]) -> Model:
    """Read the body as a model; raises `MalformedBody`, `InvalidRequest`, `TooLarge`."""
    return _parse(await read_bytes(request), model)


async def read_seeing(request: Request) -> Seeing:
    """Read what a person saw; no body is nothing seen. Raises as `read_model` does."""
    body = await read_bytes(request)
    return _parse(body, Seeing) if body else Seeing()


def _parse(body: bytes, model: type[Model]) -> Model:
    try:
        return model.model_validate_json(body)
    except ValidationError as error:
        raise _what_is_wrong(error) from error


def _what_is_wrong(error: ValidationError) -> MalformedBody | InvalidRequest:
    """Turn a failed validation into the answer that names every field."""
    details = error.errors(include_url=False, include_context=False, include_input=False)
    if details[0]["type"] == "json_invalid":
        return MalformedBody(details[0]["msg"])
    return InvalidRequest(errors=tuple(map(_field_error, details[:ERRORS_TOLD_MAX])))


def _field_error(detail: ErrorDetails) -> FieldError:
    # Where a field may be of several types, the location also names the type that was tried.
    path = ".".join(str(part) for part in detail["loc"] if _FIELD.fullmatch(str(part)))
    if detail["type"] == "none_required":
        return FieldError(path=path, message="must be null: not served by this release")
    return FieldError(path=path, message=detail["msg"].removeprefix("Value error, "))


def answer(model: BaseModel) -> Response:
    """Answer 200 with a model as JSON."""
    return _JsonAnswer(json_of(model))


class _JsonAnswer(Response):
    """A 200 whose two headers are known without looking for them."""

    media_type = "application/json"

    def __init__(self, body: bytes) -> None:
        self.status_code, self.background, self.body = 200, None, body
        self.raw_headers = [(b"content-length", b"%d" % len(body)), _JSON]
