"""Errors as answers: `application/problem+json`, one handler for each place they come from."""

import logging

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from app.api.auth import READER
from app.api.calls import call_of, verb_of
from app.api.services import services_of
from app.errors import (
    BodyTooSlow,
    InvalidRequest,
    MethodNotAllowed,
    NotFound,
    ServiceError,
    TooLarge,
    Unauthorized,
)
from session_router.models import FieldError

logger = logging.getLogger(__name__)


def answer_problems(app: FastAPI) -> None:
    """Let every error of this application be answered as a problem."""
    app.add_exception_handler(ServiceError, _on_service_error)
    app.add_exception_handler(RequestValidationError, _on_query)
    app.add_exception_handler(HTTPException, _on_http)
    app.add_exception_handler(Exception, on_surprise)


def answered(request: Request, error: ServiceError) -> Response:
    """The answer to a call that ended in this error, which is its outcome."""
    call_of(request).outcome = error.code()
    return answer_problem(error)


def answer_problem(error: ServiceError) -> Response:
    """The answer to a request that ended in this error."""
    headers = {}
    if error.retry_after_seconds is not None:
        headers["Retry-After"] = str(error.retry_after_seconds)
    if isinstance(error, Unauthorized):
        headers["WWW-Authenticate"] = "Bearer"
    if isinstance(error, TooLarge | BodyTooSlow):
        headers["Connection"] = "close"  # what is left of the body is not read
    body = error.problem().model_dump_json(exclude_defaults=True)
    return Response(body, error.status, headers, "application/problem+json")


async def _on_service_error(request: Request, error: Exception) -> Response:
    if not isinstance(error, ServiceError):
        raise error
    return answered(request, error)


async def _on_query(request: Request, error: Exception) -> Response:
    if not isinstance(error, RequestValidationError):
        raise error
    try:
        # A query is read before its handler asks who calls: strangers are told nothing else.
        services_of(request).caller(request, READER)
    except ServiceError as refusal:
        return answer_problem(refusal)
    errors = tuple(
        # The first part of a location says where FastAPI looked: query or path.
        FieldError(path=".".join(map(str, detail["loc"][1:])), message=detail["msg"])
        for detail in error.errors()
    )
    return answered(request, InvalidRequest(errors=errors))


async def _on_http(request: Request, error: Exception) -> Response:
    if not isinstance(error, HTTPException):
        raise error
    if error.status_code == MethodNotAllowed.status:
        answer = answered(request, MethodNotAllowed())
        answer.headers.update(error.headers or {})
        return answer
    return answered(request, NotFound())


async def on_surprise(request: Request, error: Exception) -> Response:
    """The answer to a call that failed as no error of this application does."""
    # The path may name people: the verb says as much.
    logger.error("%s failed", verb_of(request.scope), exc_info=error)
    return answered(request, ServiceError("Something went wrong here; the log tells what."))
