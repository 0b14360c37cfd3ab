"""Brings a session into the state that a row of the decision table names, over HTTP.

A combination has a chat of its own, whose id names what the policy's rules go by. Messages
that only set the stage carry the user name `setup`, for which a rule lifts all limits.
"""

from dataclasses import dataclass, field
from typing import Any

from tests.scenarios.service import Json, Service
from tests.table.reading import Case

LEASE_SECONDS = 30
ROOM_FOR = 3  # `queue.max` where a queue limit is to be reached
HELD = {"none", "idle"}  # nothing can wait here
MODES = ("queue", "interrupt", "steer", "reject")
SENDERS: dict[str, dict[str, Any]] = {
    "owner": {"user": "alice"},
    "co_owner": {"user": "alice"},
    "participant": {"user": "carol"},
    "of_no_owner": {"user": "carol"},
    "stranger": {"user": "dave"},
    "moderator": {"user": "mod", "is_moderator": True},
    "bot": {"user": "bot", "is_bot": True},
    "unknown": {"user": None},
}
NOTICE: dict[str, Any] = {"user": "zoe", "kind": "internal"}


def policy() -> dict[str, Any]:
    """One policy for the whole table: what holds in a chat stands in its id."""
    full, own = {"max": ROOM_FOR}, {"max_per_sender": 1}
    drop = {"overflow": "drop_oldest"}
    rooms: dict[str, dict[str, Any]] = {
        "full": {"queue": full},
        "full_drop": {"queue": full | drop},
        "full_others": {"queue": full | drop},
        "own_full": {"queue": own},
        "own_drop": {"queue": own | drop},
        "bots": {"bot_limit": {"max": 0}},
    }
    states: dict[str, dict[str, Any]] = {
        "debounce": {"debounce_ms": 1000},
        "retry": {"retry_delay_seconds": 10},
        "retry_idle": {"retry_delay_seconds": 10, "max_deliveries": 1},
        "other_account": {"dm_scope": "main"},
    }
    rules = [
        *((f"*,same={mode},*", {"busy": {"same_sender": mode}}) for mode in MODES),
        *((f"*,other={mode},*", {"busy": {"other_sender": mode}}) for mode in MODES),
        ("*,stop_by=anyone,*", {"stop_by": "anyone"}),
        *((f"*,room={room},*", fields) for room, fields in rooms.items()),
        *((f"*,state={state},*", fields) for state, fields in states.items()),
    ]
    nothing = {"queue": {"max": 0, "max_per_sender": 100}}
    nothing_own = {"queue": {"max_per_sender": 0}}
    for state in sorted(HELD):
        rules += [
            (f"*,state={state},*,room=full*", nothing),
            (f"*,state={state},*,room=own*", nothing_own),
        ]
    setup = {
        "busy": {"same_sender": "queue", "other_sender": "queue"},
        "queue": {"max": 1000, "max_per_sender": 1000},
        "bot_limit": {"max": 1000},
        "debounce_ms": 0,
    }
    return {
        "defaults": {"isolation": "shared", "lease_seconds": LEASE_SECONDS},
        "rules": [
            *({"match": {"chat_id": glob}, "set": fields} for glob, fields in rules),
            {"match": {"user_name": "setup"}, "set": setup},
        ],
    }


@dataclass
class Waiting:
    """A message that waits, as the test knows it."""

    message_id: str
    sender: str | None
    was_granted: bool = False


@dataclass
class Stage:
    """A session on its way into a state, and what the test knows of it."""

    service: Service
    case: Case
    number: int
    waiting: list[Waiting] = field(default_factory=list)
    run: Json | None = None
    sent: int = 0

    @property
    def sender(self) -> str | None:
        """The sender whose message is decided."""
        user: str | None = SENDERS[self.case["sender"]]["user"]
        return user

    @property
    def spans(self) -> bool:
        return self.case["state"] == "other_account"

    @property
    def key(self) -> str:
        if self.spans:
            return f"agent:a{self.number}:main"
        return f"agent:main:discord:group:{self.chat_id}"

    @property
    def chat_id(self) -> str:
        named = ",".join(
            f"{name}={self.case[name]}" for name in ("state", "same", "other", "stop_by", "room")
        )
        return f"{self.number},{named},"

    def place(self) -> dict[str, Any]:
        place: dict[str, Any] = {"chat_id": self.chat_id}
        if self.spans:
            place |= {"agent": f"a{self.number}", "chat_type": "dm"}
        return place

    async def send(self, message_id: str, **fields: Any) -> Json:
        fields = {"user": None} | self.place() | fields
        return await self.service.send(message_id, **fields)

    async def prepare(self, decision: str, *, waits: bool = False, **fields: Any) -> Json:
        """Send a message that sets the stage, and must be decided so."""
        self.sent += 1
        message_id = f"s{self.sent}"
        answer = await self.send(message_id, **{"user_name": "setup"} | fields)
        assert answer["decision"] == decision, answer
        if waits:
            self.waiting.append(Waiting(message_id, fields.get("user")))
        return answer

    async def set_up(self) -> None:
        state = self.case["state"]
        if state == "none":
            return
        if self.sender == "carol":
            carols = (await self.prepare("run", user="carol"))["run"]
            await self.service.end(carols)
        await _STATES[state](self)
        if state not in HELD:
            await self.fill()
        if state == "over":
            await self.let_lease_end()
        if state in {"paused", "paused_running"}:
            await self.service.act("pause", self.key)

    async def start(self, *, alone: bool = False) -> Json:
        """Start the run that the sender of the case stands in a relation to."""
        if self.case["sender"] == "of_no_owner":
            answer = await self.prepare("run", **NOTICE)
        elif self.case["sender"] == "co_owner" and not alone:
            await self.prepare("queue", user="alice", dispatch="worker")
            answer = await self.prepare("run", user="bob")
        else:
            answer = await self.prepare("run", user="alice")
        run: Json = answer["run"]
        return run

    async def run_and_notice(self) -> None:
        self.run = await self.start()
        await self.prepare("queue", waits=True, **NOTICE)

    async def fill(self) -> None:
        """Let messages wait until the limit of the case is reached."""
        room = self.case["room"]
        if room in {"full_drop", "own_full", "own_drop"}:
            await self.filler(**SENDERS[self.case["sender"]])
        if room.startswith("full"):
            while sum(not w.was_granted for w in self.waiting) < ROOM_FOR:
                await self.filler(**NOTICE)

    async def filler(self, **who: Any) -> None:
        await self.prepare("queue", waits=True, **{"kind": "internal", "dispatch": "worker"} | who)

    async def let_lease_end(self) -> None:
        assert self.run is not None
        self.service.clock.step(LEASE_SECONDS)
        self.take_back(self.run)
        self.run = None

    def take_back(self, run: Json) -> None:
        batch = [Waiting(m["message_id"], m["user_id"], True) for m in run["messages"]]
        self.waiting = [*batch, *self.waiting]


async def _idle(stage: Stage) -> None:
    await stage.service.end(await stage.start())


async def _failed(stage: Stage) -> None:
    run = await stage.start()
    await stage.service.end(run, "failed")
    stage.take_back(run)


async def _failed_for_good(stage: Stage) -> None:
    await stage.service.end(await stage.start(alone=True), "failed")


async def _debounce(stage: Stage) -> None:
    await _idle(stage)
    # Under the policy of the chat itself: this is what opens the debounce.
    await stage.prepare("queue", waits=True, user="zoe", user_name="Zoe")


async def _ready(stage: Stage) -> None:
    await _idle(stage)
    await stage.prepare("queue", waits=True, dispatch="worker", **NOTICE)


async def _other_account(stage: Stage) -> None:
    await _idle(stage)
    await stage.prepare("queue", waits=True, dispatch="worker", account="second", **NOTICE)


async def _running(stage: Stage) -> None:
    await stage.run_and_notice()


async def _sealed(stage: Stage) -> None:
    await stage.run_and_notice()
    assert stage.run is not None
    fence = {"fence": stage.run["fence"]}
    sealed = await stage.service.ask("POST", f"/v1/runs/{stage.run['id']}/seal", fence)
    assert sealed["sealed"]


async def _held(stage: Stage) -> None:
    await stage.run_and_notice()
    assert stage.run is not None
    await stage.service.beat(stage.run, hold=True)


async def _asking(stage: Stage) -> None:
    await stage.run_and_notice()
    assert stage.run is not None
    question = {"fence": stage.run["fence"], "prompt_id": "sure?"}
    asked = await stage.service.ask("POST", f"/v1/runs/{stage.run['id']}/ask", question)
    assert asked["expires_at"]


async def _group(stage: Stage) -> None:
    await _idle(stage)
    await stage.prepare("queue", waits=True, user="zoe", group="album")


async def _stopping(stage: Stage) -> None:
    await stage.run_and_notice()
    await stage.service.act("interrupt", stage.key)


_STATES = {
    "idle": _idle,
    "retry": _failed,
    "retry_idle": _failed_for_good,
    "debounce": _debounce,
    "ready": _ready,
    "other_account": _other_account,
    "over": _running,
    "running": _running,
    "stopping": _stopping,
    "sealed": _sealed,
    "held": _held,
    "asking": _asking,
    "group": _group,
    "paused": _idle,
    "paused_running": _running,
}
