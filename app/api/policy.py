"""The policy in force and its versions, and what it makes of a source."""

from typing import Any

from fastapi import APIRouter
from pydantic_core import from_json
from starlette.requests import Request
from starlette.responses import Response

from app.api.auth import OPERATOR, READER
from app.api.documentation import READING, WRITING, problems, takes
from app.api.examples import POLICY, RESOLVE
from app.api.http import answer, read_bytes, read_model
from app.api.messages import missing_part
from app.api.services import Services, services_of
from app.errors import InvalidRequest, MalformedBody, UnknownRevision
from app.routing.faults import PolicyError
from app.routing.isolation import MissingPart
from app.routing.policy import Policy, policy_from
from app.store.policies import StoredPolicy
from session_router.models import (
    FieldError,
    PolicyRevision,
    PolicyView,
    Resolution,
    ResolveRequest,
)

router = APIRouter(tags=["policy"])


@router.post(
    "/v1/resolve",
    operation_id="resolve",
    summary="Explain which session a source gets",
    response_model=Resolution,
    responses=problems(*WRITING, 404),
    openapi_extra=takes(ResolveRequest, RESOLVE),
)
async def resolve(request: Request) -> Response:
    """The key, the policy, field by field the rule that set it, and why this conversation.

    Touches nothing in the store.
    """
    services = services_of(request)
    caller = services.caller(request, READER)
    body = await read_model(request, ResolveRequest)
    caller.require_agent(body.agent)
    try:
        return answer(await services.places.explain(body))
    except MissingPart as error:
        raise missing_part(error) from error


@router.get(
    "/v1/policy",
    operation_id="policy",
    summary="The policy in force, whole, and its earlier versions",
    response_model=PolicyView,
    responses=problems(*READING),
)
async def policy(request: Request) -> Response:
    """With every default spelled out; revision 0 is the defaults before any policy was put."""
    services = services_of(request)
    services.caller(request, READER)
    return answer(await _view(services, services.policy.policy, services.policy.revision))


@router.get(
    "/v1/policy/versions/{revision}",
    operation_id="policy_version",
    summary="An earlier version of the policy",
    response_model=PolicyView,
    responses=problems(*READING, 404, 422),
)
async def version(request: Request, revision: int) -> Response:
    """The last 20 are kept."""
    services = services_of(request)
    services.caller(request, READER)
    found = await _version(services, revision)
    return answer(await _view(services, _read(found.text), found.revision))


@router.put(
    "/v1/policy",
    operation_id="put_policy",
    summary="Put a policy in force",
    response_model=PolicyView,
    responses=problems(*WRITING),
    openapi_extra=takes(Policy, POLICY),
)
async def put_policy(request: Request) -> Response:
    """Checked whole, or refused whole with the path of each fault.

    In force here at once and on every replica within a second. What is left out has its
    default. Putting what is in force changes nothing.
    """
    services = services_of(request)
    caller = services.caller(request, OPERATOR)
    wanted = _read(await read_bytes(request))
    await services.policy.put(wanted, caller.token_name)
    return answer(await _view(services, services.policy.policy, services.policy.revision))


@router.post(
    "/v1/policy/versions/{revision}/restore",
    operation_id="restore_policy",
    summary="Put an earlier version of the policy in force again",
    response_model=PolicyView,
    responses=problems(*READING, 404, 422),
)
async def restore_policy(request: Request, revision: int) -> Response:
    """It becomes a revision of its own."""
    services = services_of(request)
    caller = services.caller(request, OPERATOR)
    found = await _version(services, revision)
    await services.policy.put(_read(found.text), caller.token_name)
    return answer(await _view(services, services.policy.policy, services.policy.revision))


def _read(text: str | bytes) -> Policy:
    try:
        data: Any = from_json(text, allow_inf_nan=False)
    except ValueError as error:
        raise MalformedBody(str(error)) from error
    try:
        return policy_from(data)
    except PolicyError as error:
        errors = tuple(FieldError(path=f.path, message=f.message) for f in error.faults)
        raise InvalidRequest(errors=errors) from error


async def _version(services: Services, revision: int) -> StoredPolicy:
    for stored in await services.policies.kept():
        if stored.revision == revision:
            return stored
    raise UnknownRevision


async def _view(services: Services, shown: Policy, revision: int) -> PolicyView:
    kept = await services.policies.kept()
    return PolicyView(
        revision=revision,
        policy=shown.model_dump(mode="json"),
        versions=tuple(
            PolicyRevision(revision=v.revision, at=v.at, by=v.who or None) for v in kept
        ),
    )
