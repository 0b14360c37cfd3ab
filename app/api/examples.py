"""Bodies as a gateway would send them, shown in `openapi.yaml`; the tests send them too."""

from typing import Any, Final

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
