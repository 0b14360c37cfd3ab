"""The closed lists of words: kinds, states, decisions, reasons and ends."""

from typing import Literal

ChatType = Literal["dm", "group", "channel", "forum", "thread"]
Isolation = Literal["per_user", "shared", "tagged", "person", "conversation"]
Kind = Literal["user", "internal", "context"]
Control = Literal["stop", "reset"]
Busy = Literal["queue", "interrupt", "steer", "reject"]
Dispatch = Literal["inline", "worker"]
MessageState = Literal["waiting", "in_run", "done", "dead", "removed"]
SessionState = Literal["idle", "waiting", "running", "paused"]
SessionOrder = Literal["key", "oldest_wait"]
Texts = Literal["shown", "hidden", "forbidden"]
Outcome = Literal["completed", "interrupted", "failed", "released"]
Ended = Literal["lease_expired", "max_run", "grace", "released", "failed", "interrupted", "forced"]
DecisionWord = Literal[
    "run", "queue", "interrupt", "steer", "reject", "duplicate", "answer", "kept", "control"
]
ContextAction = Literal["none", "compress", "reset"]
Reason = Literal[
    "session_idle",
    "same_sender_active",
    "other_sender_active",
    "interrupt_pending",
    "internal",
    "paused",
    "retry_delay",
    "debounce",
    "dispatch_worker",
    "other_account",
    "group",
    "run_held",
    "asking",
    "context",
    "no_session",
    "too_old",
    "session_changed",
    "prompt_gone",
    "deleted",
    "queue_full",
    "sender_queue_full",
    "busy_reject",
    "bot_limit",
    "not_owner",
    "run_sealed",
    "too_late",
    "known_id",
    "id_reused",
    "stopped",
    "reset",
    "nothing_runs",
]
