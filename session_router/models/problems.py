"""Errors, as RFC 9457 wants them."""

from session_router.models.fields import Words


class FieldError(Words):
    """What is wrong with one field; `path` is dotted, `source.chat_id`."""

    path: str
    message: str


class Problem(Words):
    """An error as RFC 9457 wants it, served as `application/problem+json`."""

    type: str
    title: str
    status: int
    detail: str
    errors: tuple[FieldError, ...] = ()
