"""`openapi.yaml`: made from the code, committed, and checked against it."""

from pathlib import Path
from typing import Any, Final

import yaml
from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic import BaseModel
from pydantic.json_schema import JsonSchemaMode, models_json_schema

from app.api.documentation import problems, shows
from app.routing.policy import Policy
from session_router.models import (
    ActionsRequest,
    AmendRequest,
    AnswerSignal,
    AskRequest,
    BindRequest,
    ClaimRequest,
    CompleteRequest,
    DeadLetterEvent,
    DecisionEvent,
    GapEvent,
    HeartbeatRequest,
    InterruptSignal,
    LeaseLostEvent,
    LeaseLostSignal,
    Message,
    MoveRequest,
    PolicyEvent,
    Problem,
    ResolveRequest,
    RunEndedEvent,
    RunGrantedEvent,
    SealRequest,
    Seeing,
    SteerSignal,
)

# Models that no handler's signature names: bodies are read by hand, problems raised.
UNNAMED: Final[tuple[tuple[type[BaseModel], JsonSchemaMode], ...]] = (
    (Message, "validation"),
    (AmendRequest, "validation"),
    (Seeing, "validation"),
    (ResolveRequest, "validation"),
    (HeartbeatRequest, "validation"),
    (CompleteRequest, "validation"),
    (SealRequest, "validation"),
    (AskRequest, "validation"),
    (MoveRequest, "validation"),
    (ClaimRequest, "validation"),
    (BindRequest, "validation"),
    (InterruptSignal, "serialization"),
    (SteerSignal, "serialization"),
    (AnswerSignal, "serialization"),
    (LeaseLostSignal, "serialization"),
    (ActionsRequest, "validation"),
    (DecisionEvent, "serialization"),
    (RunGrantedEvent, "serialization"),
    (RunEndedEvent, "serialization"),
    (LeaseLostEvent, "serialization"),
    (DeadLetterEvent, "serialization"),
    (PolicyEvent, "serialization"),
    (GapEvent, "serialization"),
    (Policy, "validation"),
    (Problem, "serialization"),
)


LOOPBACK: Final = "http://127.0.0.1:8080"


def describe(app: FastAPI) -> dict[str, Any]:
    """Return the service's OpenAPI document, whole."""
    if app.openapi_schema is None:
        document = get_openapi(
            title=app.title, version=app.version, description=app.description, routes=app.routes
        )
        _, unnamed = models_json_schema(UNNAMED, ref_template="#/components/schemas/{model}")
        schemas = document["components"]["schemas"]
        for name in ("HTTPValidationError", "ValidationError"):
            schemas.pop(name, None)
        # Of a model in answers pydantic makes an `X-Output`; FastAPI's own `X` is the same.
        bodies = {name: d for name, d in unnamed["$defs"].items() if not name.endswith("-Output")}
        schemas.update({**bodies, **schemas})
        for operations in document["paths"].values():
            for operation in operations.values():
                _drop_unused_422(operation)
                operation["responses"]["default"] = problems(500)[500]
                shows(operation)
        document["components"]["schemas"] = dict(sorted(schemas.items()))
        document["components"]["securitySchemes"] = {"token": {"type": "http", "scheme": "bearer"}}
        document["servers"] = [{"url": LOOPBACK, "description": "As `make run` serves it."}]
        document["info"]["license"] = {"name": "MIT", "identifier": "MIT"}
        document["security"] = [{"token": []}, {}]
        app.openapi_schema = document
    return app.openapi_schema


def _drop_unused_422(operation: dict[str, Any]) -> None:
    # FastAPI documents one for every path parameter, even where any text will do.
    if "application/json" in operation["responses"].get("422", {}).get("content", {}):
        del operation["responses"]["422"]


def write_or_check(app: FastAPI, output: Path, *, check: bool) -> bool:
    """Write the document to a file, or only look; tell whether the file fits the code now."""
    text = yaml.safe_dump(describe(app), sort_keys=False, allow_unicode=True, width=100)
    if not check:
        output.write_text(text, "utf-8")
        return True
    return output.exists() and output.read_text("utf-8") == text
