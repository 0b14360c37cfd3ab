"""The part of the effective policy that scripts need, as they read it.

A session keeps the settings of its last message under a short id, so that a hand-over
needs no policy. Durations are milliseconds; an absent number means none.
"""

import json
from base64 import urlsafe_b64encode
from collections import OrderedDict
from dataclasses import dataclass
from functools import lru_cache
from hashlib import blake2b

from app.routing.policy import PolicyFields
from session_router.models import Isolation

MINUTE_MS = 60_000
DAY_MS = 86_400_000
COMPRESS_AT = 0.85
COMPRESS_AT_SHARED = 0.60
_KNOWN_MAX = 4096


@dataclass(frozen=True, slots=True)
class StoredSettings:
    """Settings as the store has them: their id is a digest of their text."""

    settings_id: str
    text: str


def settings_of(
    fields: PolicyFields, isolation: Isolation, *, people_share: bool
) -> StoredSettings:
    """The settings of a session under this policy and isolation."""
    name = (id(fields), isolation, people_share)
    known = _known.get(name)
    if known is not None and known[0] is fields:
        return known[1]
    as_read = _as_scripts_read_them(fields, isolation, people_share=people_share)
    text = json.dumps(as_read, separators=(",", ":"))
    digest = urlsafe_b64encode(blake2b(text.encode(), digest_size=9).digest()).decode()
    settings = StoredSettings(digest, text)
    _known[name] = (fields, settings)
    if len(_known) > _KNOWN_MAX:
        _known.popitem(last=False)
    return settings


# By identity: hashing the whole policy for every message would cost more than the script.
_known: OrderedDict[tuple[int, Isolation, bool], tuple[PolicyFields, StoredSettings]] = (
    OrderedDict()
)


def _as_scripts_read_them(
    fields: PolicyFields, isolation: Isolation, *, people_share: bool
) -> dict[str, object]:
    reset = fields.reset
    compress_at = fields.context.compress_at
    if compress_at is None:
        compress_at = COMPRESS_AT_SHARED if people_share else COMPRESS_AT
    grace_seconds, ttl_seconds = fields.interrupt_grace_seconds, fields.queue.ttl_seconds
    settings = {
        "isolation": isolation,
        "busy_same_sender": fields.busy.same_sender,
        "busy_other_sender": fields.busy.other_sender,
        "bot_max": fields.bot_limit.max,
        "bot_window_ms": fields.bot_limit.per_seconds * 1000,
        "stop_by": fields.stop_by,
        "debounce_ms": fields.debounce_ms,
        "debounce_max_ms": fields.debounce_max_ms,
        "group_ms": fields.group_ms,
        "context_max": fields.context_max,
        "context_ttl_ms": fields.context_ttl_seconds * 1000,
        "overflow": fields.queue.overflow,
        "ttl_ms": None if ttl_seconds is None else ttl_seconds * 1000,
        "queue_max": fields.queue.max,
        "sender_queue_max": fields.queue.max_per_sender,
        "drain": fields.drain,
        "batch_max": fields.batch_max,
        "lease_ms": fields.lease_seconds * 1000,
        "max_run_ms": fields.max_run_seconds * 1000,
        "grace_ms": None if grace_seconds is None else grace_seconds * 1000,
        "max_deliveries": fields.max_deliveries,
        "retry_delay_ms": fields.retry_delay_seconds * 1000,
        "dedupe_ms": fields.dedupe_seconds * 1000,
        "session_ttl_ms": fields.session_ttl_days * DAY_MS,
        "limit_tokens": fields.context.limit_tokens,
        "resend_unconfirmed": fields.resend_unconfirmed or None,
        "reset_idle_ms": (
            reset.idle_minutes * MINUTE_MS if reset.mode in {"idle", "both"} else None
        ),
        "compress_at": compress_at,
        "reset_at": fields.context.reset_at,
    }
    return {name: value for name, value in settings.items() if value is not None}


@dataclass(frozen=True, slots=True)
class ViewSettings:
    """What the view of a session needs of its settings."""

    isolation: Isolation
    limit_tokens: int | None
    compress_at: float
    reset_at: float | None


@lru_cache(maxsize=1024)
def view_settings(text: str) -> ViewSettings:
    """Read stored settings."""
    settings = json.loads(text)
    return ViewSettings(
        settings["isolation"],
        settings.get("limit_tokens"),
        settings.get("compress_at", COMPRESS_AT_SHARED),
        settings.get("reset_at"),
    )
