"""Bodies and answers as a gateway meets them, shown in `openapi.yaml`.

The tests send the bodies, and play the story that gives exactly these answers.
"""

from typing import Any, Final

from app.errors import (
    InvalidRequest,
    LeaseLost,
    ServiceError,
    StoreUnavailable,
    TooLarge,
    UnknownRun,
)
from session_router.models import FieldError

SOURCE: Final[dict[str, Any]] = {
    "platform": "discord",
    "chat_type": "group",
    "chat_id": "123",
    "user_id": "456",
    "user_name": "Alice",
}
MESSAGE: Final[dict[str, Any]] = {
    "agent": "main",
    "message_id": "1180",
    "consumer": "gw-1",
    "source": SOURCE,
    "text": "how do I reset it?",
    "payload": {"anything": "the gateway wants back"},
}
RESOLVE: Final[dict[str, Any]] = {"source": SOURCE}
HEARTBEAT: Final[dict[str, Any]] = {
    "fence": 1795328956000001,
    "status": "reading the manual",
    "usage": {"context_tokens": 12000, "context_limit": 200000},
}
COMPLETE: Final[dict[str, Any]] = {"fence": 1795328956000001, "outcome": "completed"}
AMEND: Final[dict[str, Any]] = {
    "source": SOURCE,
    "message_id": "1181",
    "text": "how do I reset it without losing my files?",
}
SEEING: Final[dict[str, Any]] = {"session_id": "1795328956000000-0"}
ACTIONS: Final[dict[str, Any]] = {
    "action": "pause",
    "sessions": [{"key": "agent:main:discord:group:123:456", "session_id": "1795328956000000-0"}],
}
SEAL: Final[dict[str, Any]] = {"fence": 1795328956000001}
CLAIM: Final[dict[str, Any]] = {
    "consumer": "worker-7f3a",
    "platforms": ["discord"],
    "wait_seconds": 30,
    "request_id": "b1946ac9",
}
ASK: Final[dict[str, Any]] = {
    "fence": 1795328956000001,
    "prompt_id": "delete-3-files",
    "from": "owners",
    "reply_to": "1182",
    "expires_seconds": 600,
}
MOVE: Final[dict[str, Any]] = {"platform": "telegram", "from": "-4021", "to": "-1001654"}
BIND: Final[dict[str, Any]] = {"thread_id": "1790"}
POLICY: Final[dict[str, Any]] = {
    "defaults": {"busy": {"other_sender": "queue"}},
    "rules": [
        {
            "name": "support-channel",
            "match": {"platform": "discord", "chat_id": ["123", "124"]},
            "set": {"isolation": "tagged", "busy": {"same_sender": "queue"}},
        }
    ],
}

_SESSION: Final[dict[str, Any]] = {
    "key": "agent:main:discord:group:123:456",
    "id": "1795328956000000-0",
    "is_new": True,
    "isolation": "per_user",
    "previous_id": None,
    "reset_reason": None,
    "participants": [{"user_id": "456", "user_name": "Alice"}],
    "prompt_note": None,
    "context": {"tokens": 0, "limit": 200000, "ratio": 0.0, "action": "none"},
}
_RUN_IDS: Final = tuple(
    f"179532895600000{number}.0.YWdlbnQ6bWFpbjpkaXNjb3JkOmdyb3VwOjEyMzo0NTY" for number in (1, 2, 3)
)
_ACTIVE: Final[dict[str, Any]] = {
    "id": _RUN_IDS[0],
    "consumer": "gw-1",
    "started_at": "2026-11-22T06:29:16.000Z",
    "owners": ["discord:456"],
    "status": None,
    "asking": None,
}
_LATER: Final = _SESSION | {"is_new": False}
_CLAIMED: Final = _ACTIVE | {"id": _RUN_IDS[2], "consumer": "worker-7f3a"}
_FIRST: Final = {"position": 1, "depth": 1, "ready_at": None, "first": True}


def _message(seq: int, message_id: str, text: str, payload: Any = None) -> dict[str, Any]:
    place = {"account": "default", "scope": None, "thread_id": None}
    person = {"user_aliases": [], "is_bot": False, "is_moderator": False}
    return {
        "message_id": message_id,
        "seq": seq,
        "source": SOURCE | place | person,
        "user_id": "456",
        "user_name": "Alice",
        "text": text,
        "tagged_text": None,
        "payload": payload,
        "reply_to": None,
        "mentions": [],
        "kind": "user",
        "group": None,
        "answers": None,
        "sent_at": None,
        "received_at": "2026-11-22T06:29:16.000Z",
        "deliveries": 1,
    }


def _run(run_id: str, message: dict[str, Any], **rest: Any) -> dict[str, Any]:
    place = {"platform": "discord", "account": "default", "scope": None, "chat_id": "123"}
    return {
        "id": run_id,
        "fence": int(run_id.partition(".")[0]),
        "consumer": "gw-1",
        "lease_seconds": 30,
        "heartbeat_seconds": 10.0,
        "lease_expires_at": "2026-11-22T06:29:46.000Z",
        "session_key": _SESSION["key"],
        "session_id": _SESSION["id"],
        "route": place | {"thread_id": None, "reply_to": message["message_id"]},
        "text": message["text"],
        "context": [],
        "omitted": [],
        "omitted_count": 0,
        "previous": None,
        "data": {},
        "previous_data": None,
        "session": None,
        "messages": [message],
        **rest,
    }


def _decision(word: str, reason: str, **rest: Any) -> dict[str, Any]:
    nothing = ("run", "active_run", "queue", "thread", "control", "duplicate_of", "state")
    said = {"decision": word, "reason": reason, "session": _SESSION}
    return said | dict.fromkeys(nothing) | {"dropped": [], "rule": ["defaults"]} | rest


def _heartbeat(**rest: Any) -> dict[str, Any]:
    lease = {"lease_expires_at": "2026-11-22T06:29:46.000Z", "sealed": False}
    return lease | {"interrupt": None, "steer": [], "answers": []} | rest


_BEHIND: Final = {"active_run": _ACTIVE, "queue": _FIRST, "state": "waiting"}
_ASKING: Final = {"prompt_id": ASK["prompt_id"], "expires_at": "2026-11-22T06:39:16.000Z"}
_STOP: Final = {
    "action": "stop",
    "stopped": [_RUN_IDS[2]],
    "removed": ["1185"],
    "session_id": _SESSION["id"],
    "pending": False,
    "reason": "stopped",
}
_INTERRUPT: Final = {
    "cause": "message",
    "user_id": "456",
    "message_id": "1183",
    "requested_at": "2026-11-22T06:29:16.000Z",
    "deadline": "2026-11-22T06:30:16.000Z",
}
# By the operation that answers so, then by name.
ANSWERS: Final[dict[str, dict[str, dict[str, Any]]]] = {
    "admit": {
        "run": _decision(
            "run",
            "session_idle",
            run=_run(_RUN_IDS[0], _message(1, "1180", MESSAGE["text"], MESSAGE["payload"])),
            state="in_run",
        ),
        "duplicate": _decision(
            "duplicate", "known_id", active_run=_ACTIVE, duplicate_of="run", state="in_run"
        ),
        "kept": _decision("kept", "context", session=_LATER, active_run=_CLAIMED),
        "steer": _decision("steer", "same_sender_active", **_BEHIND),
        "queue": _decision(
            "queue",
            "same_sender_active",
            **_BEHIND | {"session": _LATER, "active_run": _CLAIMED},
        ),
        "reject": _decision("reject", "sender_queue_full", session=_LATER, active_run=_CLAIMED),
        "answer": _decision(
            "answer", "asking", **_BEHIND | {"active_run": _ACTIVE | {"asking": _ASKING}}
        ),
        "interrupt": _decision("interrupt", "same_sender_active", **_BEHIND),
        "control": _decision(
            "control", "stopped", session=_LATER, active_run=_CLAIMED, control=_STOP
        ),
    },
    "heartbeat": {
        "go on": _heartbeat(),
        "steer": _heartbeat(steer=[_message(2, "1181", "the blue one")]),
        "interrupt": _heartbeat(interrupt=_INTERRUPT),
    },
    "complete": {
        "next": {
            "next": _run(_RUN_IDS[1], _message(4, "1183", "no, the red one")),
            "returned": [],
            "session": _SESSION,
        },
        "nothing waits": {"next": None, "returned": [], "session": _LATER},
    },
    "claim": {
        "a run": {
            "runs": [
                _run(
                    _RUN_IDS[2],
                    _message(5, "1184", "and the green one?"),
                    consumer="worker-7f3a",
                    session=_LATER,
                )
            ]
        },
        "nothing": {"runs": []},
    },
}
_UNKNOWN_FIELD: Final = FieldError(path="colour", message="Extra inputs are not permitted")
_LONG_TEXT: Final = FieldError(path="text", message="is over 160 KiB")
_HOLDERS: Final = (LeaseLost(), UnknownRun(), StoreUnavailable())
REFUSALS: Final[dict[str, tuple[ServiceError, ...]]] = {
    "admit": (
        InvalidRequest(errors=(_UNKNOWN_FIELD,)),
        TooLarge(errors=(_LONG_TEXT,)),
        StoreUnavailable(),
    ),
    "heartbeat": _HOLDERS,
    "complete": _HOLDERS,
}
