"""What can go wrong between a gateway and the router, one class for each thing to do about it."""

from typing import Self

from pydantic import ValidationError

from session_router.models import BatchMessage, FieldError, Interrupt, Problem


class RouterError(Exception):
    """The router did not do what was asked; the subclasses say why."""


class Unavailable(RouterError):
    """The router gave no answer in time, or none but "later"; whether it acted is not known.

    Asking again with the same ids is safe. `retry_after_seconds` is what the router asked for
    last, None if it said nothing.
    """

    def __init__(self, detail: str, retry_after_seconds: float | None = None) -> None:
        super().__init__(detail)
        self.retry_after_seconds = retry_after_seconds


class Refused(RouterError):
    """The router answered with an error that asking again does not mend.

    `status` is the HTTP status, `code` the problem's own word (`unknown_session`, …), empty
    where something else than the router answered.
    """

    def __init__(self, status: int, code: str, detail: str) -> None:
        super().__init__(f"{status} {code}: {detail}" if code else f"{status}: {detail}")
        self.status = status
        self.code = code
        self.detail = detail


class InvalidMessage(Refused):
    """The body is not what the router takes, or too large; `errors` names the fields."""

    def __init__(
        self, status: int, code: str, detail: str, errors: tuple[FieldError, ...] = ()
    ) -> None:
        super().__init__(status, code, detail)
        self.errors = errors

    @classmethod
    def here(cls, error: ValidationError) -> Self:
        """Return the error for a body that was refused before it was sent."""
        faults = error.errors(include_url=False, include_context=False, include_input=False)
        errors = tuple(
            FieldError(path=".".join(map(str, fault["loc"])), message=fault["msg"])
            for fault in faults
        )
        detail = "; ".join(f"{fault.path}: {fault.message}" for fault in errors)
        return cls(422, "invalid", detail, errors)


class Unauthorized(Refused):
    """The token is missing, unknown, or its role or agents do not reach this far."""


class LeaseLost(RouterError):
    """The run is no longer this client's: whatever it still does is void."""


class Interrupted(Exception):
    """Raised by a handler that stops because it was asked to: the run ends as `interrupted`."""


class Superseded(Exception):
    """The run was not sealed: somebody wants it to stop, or said more to it, and was first.

    `interrupt` is None where nobody wants it to stop. `steer` and `answers` (those that came
    too late for their question) are offered and not yet taken; `take_steer` gives both, and
    then the seal may be tried again. A handler that lets this through ends its run: as
    `interrupted` after an interrupt, else as `released`, and the next run has the batch and
    what was said together.
    """

    def __init__(
        self,
        interrupt: Interrupt | None,
        steer: tuple[BatchMessage, ...],
        answers: tuple[BatchMessage, ...] = (),
    ) -> None:
        word = "an interrupt" if interrupt else "a steer" if steer else "an answer"
        super().__init__(f"{word} came first")
        self.interrupt = interrupt
        self.steer = steer
        self.answers = answers


def refusal(status: int, problem: Problem | None, text: str) -> RouterError:
    """Return the error for an answer of this status; `text` stands in where no problem came."""
    code = "" if problem is None else problem.type.rsplit("/", 1)[-1].rsplit(":", 1)[-1]
    detail = text if problem is None else problem.detail
    if code in {"lease_lost", "unknown_run"}:
        return LeaseLost(detail)
    if status in {400, 413, 422}:
        return InvalidMessage(status, code, detail, () if problem is None else problem.errors)
    if status in {401, 403}:
        return Unauthorized(status, code, detail)
    return Refused(status, code, detail)
