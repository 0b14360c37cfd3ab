"""The policy in force, and its versions."""

from pydantic import JsonValue

from session_router.models.fields import Moment, Words


class PolicyRevision(Words):
    """When a policy was put in force, and by whom: a token's name, or `file`."""

    revision: int
    at: Moment
    by: str | None = None


class PolicyView(Words):
    """A policy, and the versions that are kept, the one in force first."""

    revision: int
    policy: dict[str, JsonValue]
    versions: tuple[PolicyRevision, ...]
