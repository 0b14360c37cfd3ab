"""What the model keeps: rules, messages, runs, and how they ended.

Times are milliseconds; runs and session ids are small numbers in the order in which they
were drawn.
"""

from dataclasses import dataclass, field, fields
from typing import Any

STRENGTH = {"interrupt": 3, "steer": 2, "queue": 1, "reject": 0}
OMITTED_SHOWN = 20


class Drawn(int):
    """A number drawn for a run or a session id; the service's own is larger, and as ordered."""


@dataclass(frozen=True)
class Rules:
    """The settings of a session, as far as these tests turn them."""

    same_sender: str = "interrupt"
    other_sender: str = "queue"
    stop_by: str = "owner"
    bots_max: int = 20
    bots_ms: int = 60_000
    drain: str = "all"
    batch_max: int = 100
    debounce_ms: int = 0
    debounce_max_ms: int = 10_000
    queue_max: int = 50
    sender_max: int = 20
    overflow: str = "reject"
    ttl_ms: int | None = None
    lease_ms: int = 30_000
    max_run_ms: int = 3_600_000
    grace_ms: int | None = 60_000
    max_deliveries: int = 3
    retry_ms: int = 0
    group_ms: int = 1500
    context_max: int = 50
    context_ms: int = 86_400_000
    dedupe_ms: int = 86_400_000


@dataclass(frozen=True)
class Place:
    """Where a message is sent; a batch never crosses places."""

    platform: str
    chat_type: str
    chat_id: str
    thread: str | None = None
    account: str = "default"

    @property
    def chat(self) -> str:
        return f"{self.platform}:{self.account}:{self.chat_id}"


@dataclass(frozen=True)
class Incoming:
    """A message as it arrives, already routed: `key` names its session."""

    key: str
    chat: str | None  # of the session: none where it spans chats
    thread: str | None
    home: tuple[str, str]
    user: str | None
    sender: str | None  # the user as a person: with the platform
    place: Place
    text: str
    consumer: str
    kind: str = "user"
    control: str | None = None
    busy: str | None = None
    worker: bool = False
    is_moderator: bool = False
    is_bot: bool = False
    group: str | None = None
    answers: str | None = None
    reply_to: str | None = None
    sent_at: int | None = None
    to: int | None = None  # the session id that it is for, in place of a source

    @property
    def account(self) -> tuple[str, str]:
        return self.place.platform, self.place.account

    @property
    def owns(self) -> bool:
        return self.kind == "user" and self.sender is not None and not self.is_bot

    def is_part_of(self, other: "Incoming") -> bool:
        """Whether both are parts of one burst."""
        return self.group is not None and (self.group, self.sender, self.place) == (
            other.group,
            other.sender,
            other.place,
        )


@dataclass(eq=False)
class Message:
    """An accepted message, in exactly one state for good (I2)."""

    sent: Incoming
    session: Any  # the session_model.Session that has it
    seq: int
    accepted_at: int
    expires_at: int | None
    text: str
    decision: str = ""
    amended: str | None = None
    state: str = "waiting"
    reason: str = ""
    returns: int = 0
    runs: list[int] = field(default_factory=list)
    started: int | None = None
    offered_to: int | None = None
    answered: str | None = None  # the prompt that it was offered as an answer to
    open_until: int = 0  # of a burst: it waits for more of its parts

    @property
    def id(self) -> str:
        return self.sent.home[1]


@dataclass(eq=False)
class Control:
    """A control's id is remembered; it is no message."""

    sent: Incoming
    session: Any  # the session_model.Session that has it
    text: str
    decision: str = "control"
    amended: None = None
    state: None = None
    started: None = None


@dataclass(eq=False)
class Stop:
    """What the holder is asked: first asked when, by whom last."""

    cause: str
    user: str | None
    message: str | None
    at: int


@dataclass(eq=False)
class Line:
    """Overheard, and kept for the next runs."""

    sent: Incoming
    text: str
    at: int


@dataclass
class Prompt:
    """What a run asks, and whom: owners, anyone, or user ids."""

    id: str
    who: str | tuple[str, ...]
    reply_to: str | None
    asked_at: int
    until: int


@dataclass(eq=False)
class Run:
    number: int
    consumer: str
    session_id: int
    batch: list[Message]
    owners: list[str]
    started_at: int
    lease_at: int
    max_at: int
    told: int  # omitted messages that it was told of
    context: list[Line]
    back_from: int | None
    posts: list[str]  # for its batch, those of the runs before among them
    grace_at: int | None = None
    stop: Stop | None = None
    ends: str | None = None  # how its batch ends whatever its holder says
    touched: bool = False
    prompt: Prompt | None = None
    is_sealed: bool = False
    is_held: bool = False

    @property
    def longest_at(self) -> int:
        """`max_run_seconds`, without the time that it asks."""
        asking = self.prompt.until - self.prompt.asked_at if self.prompt else 0
        return self.max_at + asking

    @property
    def deadline(self) -> int:
        return min(at for at in (self.lease_at, self.longest_at, self.grace_at) if at is not None)

    @property
    def cause_of_end(self) -> str:
        if self.deadline == self.lease_at:
            return "lease_expired"
        return "max_run" if self.deadline == self.longest_at else "grace"

    def asks(self, now: int) -> bool:
        return self.prompt is not None and now < self.prompt.until

    def end_prompt(self, now: int) -> None:
        """[5] Time spent asking does not count."""
        if self.prompt is not None:
            self.max_at += min(now, self.prompt.until) - self.prompt.asked_at
        self.prompt = None


@dataclass
class End:
    """How a run ended, for repeated calls and for the next holder of its batch."""

    how: str
    by_holder: bool
    was_sealed: bool
    posts: list[str]
    returned: tuple[str, ...] = ()
    next: int | None = None


def rules_of(policy: dict[str, Any]) -> Rules:
    """The rules that a policy's `defaults` set, in the contract's words and units."""
    seconds = {
        "lease_seconds": "lease_ms",
        "max_run_seconds": "max_run_ms",
        "interrupt_grace_seconds": "grace_ms",
        "retry_delay_seconds": "retry_ms",
        "context_ttl_seconds": "context_ms",
    }
    known = {f.name for f in fields(Rules)}
    rules = {name: value for name, value in policy.items() if name in known}
    for name, ours in seconds.items():
        if name in policy:
            rules[ours] = None if policy[name] is None else policy[name] * 1000
    rules |= policy.get("busy", {})
    queue = policy.get("queue", {})
    nested = {"max": "queue_max", "max_per_sender": "sender_max", "overflow": "overflow"}
    rules |= {ours: queue[name] for name, ours in nested.items() if name in queue}
    if queue.get("ttl_seconds") is not None:
        rules["ttl_ms"] = queue["ttl_seconds"] * 1000
    if "bot_limit" in policy:
        rules["bots_max"] = policy["bot_limit"]["max"]
        rules["bots_ms"] = policy["bot_limit"]["per_seconds"] * 1000
    return Rules(**rules)
