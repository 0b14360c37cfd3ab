"""Every error the service answers with: one base that carries its status.

The docstring of an error is its message; its name, in snake case, is the last part of the
problem's `type`.
"""

import re
from typing import ClassVar

from session_router.models import FieldError, Problem


class ServiceError(Exception):
    """The request could not be served."""

    status: ClassVar[int] = 500
    title: ClassVar[str] = "Internal error"
    retry_after_seconds: ClassVar[int | None] = None

    def __init__(self, detail: str | None = None, errors: tuple[FieldError, ...] = ()) -> None:
        self.detail = detail or (type(self).__doc__ or "").partition("\n")[0]
        self.errors = errors
        super().__init__(self.detail)

    @classmethod
    def code(cls) -> str:
        """The word for this kind of problem, the end of its `type`."""
        return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", cls.__name__).lower()

    def problem(self) -> Problem:
        """The answer's body, as RFC 9457 has it."""
        return Problem(
            type=f"urn:session-router:problem:{self.code()}",
            title=self.title,
            status=self.status,
            detail=self.detail,
            errors=self.errors,
        )


class MalformedBody(ServiceError):
    """The body is not JSON."""

    status = 400
    title = "Malformed body"


class MalformedRequest(ServiceError):
    """What came is not HTTP."""

    status = 400
    title = "Malformed request"


class Unauthorized(ServiceError):
    """A bearer token is needed, and this request has none that is known."""

    status = 401
    title = "Unauthorized"


class Forbidden(ServiceError):
    """The token's role does not allow this call."""

    status = 403
    title = "Forbidden"


class LoopbackOnly(ServiceError):
    """Without tokens the service answers requests from this machine alone."""

    status = 403
    title = "Loopback only"


class NotFound(ServiceError):
    """There is nothing under this address."""

    status = 404
    title = "Not found"


class UnknownAgent(ServiceError):
    """There is no such agent for this token."""

    status = 404
    title = "Unknown agent"


class UnknownSession(ServiceError):
    """There is no such session."""

    status = 404
    title = "Unknown session"


class UnknownRun(ServiceError):
    """There is no such run, or it ended too long ago to be remembered."""

    status = 404
    title = "Unknown run"


class UnknownMessage(ServiceError):
    """No message with this id was accepted here, or it ended too long ago."""

    status = 404
    title = "Unknown message"


class UnknownRevision(ServiceError):
    """This revision of the policy is not kept, or never was."""

    status = 404
    title = "Unknown revision"


class UnknownDeadLetter(ServiceError):
    """There is no such dead letter."""

    status = 404
    title = "Unknown dead letter"


class MethodNotAllowed(ServiceError):
    """This address does not take that method."""

    status = 405
    title = "Method not allowed"


class LeaseLost(ServiceError):
    """The run is over or the fence is not its: stop, and send nothing more of it."""

    status = 409
    title = "Lease lost"


class RunSealed(ServiceError):
    """The run is sealed: its reply may be out, and it asks nobody any more."""

    status = 409
    title = "Run sealed"


class ThreadTaken(ServiceError):
    """This thread has another session already, or this session another thread."""

    status = 409
    title = "Thread taken"


class BodyTooSlow(ServiceError):
    """The body did not arrive in time; send the request again."""

    status = 408
    title = "Body too slow"


class TooLarge(ServiceError):
    """The body is larger than 256 KiB, or a part of it than its limit."""

    status = 413
    title = "Too large"


class HeadTooLarge(ServiceError):
    """The head of the request is over 64 KiB."""

    status = 431
    title = "Head too large"


class InvalidRequest(ServiceError):
    """The request does not fit; `errors` names each field."""

    status = 422
    title = "Invalid request"


class TooManyRequests(ServiceError):
    """This token has had its requests of this second."""

    status = 429
    title = "Too many requests"
    retry_after_seconds = 1


class TooManyStreams(ServiceError):
    """As many signal streams are open as this process serves; beats say the same as they do."""

    status = 429
    title = "Too many streams"
    retry_after_seconds = 5


class TooManyClaims(ServiceError):
    """As many claims wait as this process serves."""

    status = 429
    title = "Too many claims"
    retry_after_seconds = 5


class StoreUnavailable(ServiceError):
    """The store cannot be reached; nothing is known to be done, try again with the same ids."""

    status = 503
    title = "Store unavailable"
    retry_after_seconds = 1


class StoreFull(ServiceError):
    """The store is full; what frees and renews is still served."""

    status = 503
    title = "Store full"
    retry_after_seconds = 5


class ServiceEnds(ServiceError):
    """The service ended before the request was read; send it again."""

    status = 503
    title = "Service ends"
    retry_after_seconds = 1
