"""What `openapi.yaml` says of each call, beside what FastAPI reads from the handlers."""

from typing import Any

from pydantic import BaseModel

from app.api.examples import ANSWERS, REFUSALS

PROBLEMS = {
    400: "The body is not JSON.",
    401: "No bearer token, or one that is not known.",
    403: "The token's role does not allow this call.",
    404: "Not known here, or another agent's.",
    409: "`lease_lost`: the run is over or the fence is not its; send nothing more of it. "
    "`run_sealed`: a sealed run asks nobody. "
    "`thread_taken`: the thread has a session, or the session a thread.",
    408: "The body did not arrive within 20 seconds.",
    413: "The body is over 256 KiB, the text over 160 KiB or the payload over 64 KiB.",
    422: "A field is missing, unknown or out of its range; `errors` names each.",
    429: "The token had its requests of this second, or as many streams or claims are open as are "
    "served; try again after `Retry-After`.",
    500: "Any other problem, as RFC 9457 has it.",
    503: "The store is away or full; try again with the same ids after `Retry-After`.",
}
LATER = (429, 503)
READING = (401, 403, 429, 503)
WRITING = (400, 401, 403, 408, 413, 422, 429, 503)


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Document the problems that a handler may answer with."""
    return {status: _problem(status) for status in sorted(statuses)}


def _problem(status: int) -> dict[str, Any]:
    schema = {"$ref": "#/components/schemas/Problem"}
    answer: dict[str, Any] = {
        "description": PROBLEMS[status],
        "content": {"application/problem+json": {"schema": schema}},
    }
    if status in LATER:
        seconds = {"schema": {"type": "integer"}, "description": "Seconds to wait."}
        answer["headers"] = {"Retry-After": seconds}
    return answer


def takes(
    model: type[BaseModel], example: dict[str, Any], *, required: bool = True
) -> dict[str, Any]:
    """Document the body that a handler reads as this model."""
    reference = {"$ref": f"#/components/schemas/{model.__name__}"}
    content = {"application/json": {"schema": reference, "example": example}}
    return {"requestBody": {"required": required, "content": content}}


def streams(*events: type[BaseModel]) -> dict[int | str, dict[str, Any]]:
    """Document a stream of events by the data of each: OpenAPI 3.1 has no word for more."""
    data = {"oneOf": [{"$ref": f"#/components/schemas/{event.__name__}"} for event in events]}
    return {200: {"description": "Events.", "content": {"text/event-stream": {"schema": data}}}}


def shows(operation: dict[str, Any]) -> None:
    """Add the examples of what an operation answers, where there are some."""
    name, responses = operation["operationId"], operation["responses"]
    if name in ANSWERS:
        examples = {word: {"value": value} for word, value in ANSWERS[name].items()}
        responses["200"]["content"]["application/json"]["examples"] = examples
    for refusal in REFUSALS.get(name, ()):
        content = responses[str(refusal.status)]["content"]["application/problem+json"]
        shown = refusal.problem().model_dump(mode="json", exclude_defaults=True)
        content["examples"] = {refusal.code(): {"value": shown}}
