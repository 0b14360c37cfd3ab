"""What every model is made of: its base, ids, times, payloads, and their bounds.

Times are RFC 3339 in UTC with milliseconds, and ids are strings of 1 to 512 characters
(integers are accepted and kept as strings).
"""

from datetime import UTC, datetime
from math import isfinite
from typing import Annotated

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    JsonValue,
    PlainSerializer,
    WithJsonSchema,
)
from pydantic_core import to_json

ID_CHARACTERS_MAX = 512
DATA_BYTES_MAX = 8 * 1024


def _integer_to_text(value: object) -> object:
    return str(value) if type(value) is int else value


def to_rfc3339(moment: datetime) -> str:
    """A moment as it stands on the wire."""
    at = moment if moment.tzinfo is UTC else moment.astimezone(UTC)
    return "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ" % (  # noqa: UP031 (in less time than isoformat)
        at.year,
        at.month,
        at.day,
        at.hour,
        at.minute,
        at.second,
        at.microsecond // 1000,
    )


def _finite(value: JsonValue) -> JsonValue:
    # JSON has no word for these, so they could not be given back as they came.
    if isinstance(value, float) and not isfinite(value):
        raise ValueError("numbers must be finite")
    if isinstance(value, dict):
        for part in value.values():
            _finite(part)
    if isinstance(value, list):
        for part in value:
            _finite(part)
    return value


def _small(data: dict[str, JsonValue]) -> dict[str, JsonValue]:
    if len(to_json(data)) > DATA_BYTES_MAX:
        raise ValueError("is over 8 KiB")
    return data


Id = Annotated[
    str,
    Field(min_length=1, max_length=ID_CHARACTERS_MAX),
    BeforeValidator(_integer_to_text),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "string", "minLength": 1, "maxLength": ID_CHARACTERS_MAX},
                {"type": "integer"},
            ]
        },
        mode="validation",
    ),
]
Name = Annotated[str, Field(max_length=ID_CHARACTERS_MAX)]
Platform = Annotated[str, Field(pattern=r"^[a-z0-9_-]{1,32}$")]
Payload = Annotated[JsonValue, AfterValidator(_finite)]
Data = Annotated[dict[str, Payload], AfterValidator(_small)]
Fence = Annotated[int, Field(ge=0, lt=2**53, strict=True)]
Tokens = Annotated[int, Field(ge=0, lt=2**53, strict=True)]
SentAt = Annotated[AwareDatetime, PlainSerializer(to_rfc3339, when_used="json")]
Moment = Annotated[
    datetime,
    PlainSerializer(to_rfc3339, when_used="json"),
    WithJsonSchema({"type": "string", "format": "date-time"}, mode="serialization"),
]


class Words(BaseModel):
    """Base of every model: frozen, and closed to unknown fields."""

    model_config = ConfigDict(frozen=True, extra="forbid")
