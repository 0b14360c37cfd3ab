"""What a torture consists of, all of it drawn from a seed: chats, people, policies.

Chats belong to a platform and an agent of their own, so that nothing else that the deployment
serves is touched, and its figures can be told apart. Every so many seconds the chats are new
ones, so that no session grows without end.
"""

from dataclasses import dataclass
from random import Random
from typing import Final

from app.torture.history import Json

KINDS: Final = ("own", "shared", "tagged", "thread", "talk", "by-sender", "steered", "one", "tight")
DROPS_IN: Final = ("tight-",)
DELIVERIES: Final = (2, 3, 50)
PEOPLE: Final = 5
ROUND_SECONDS: Final = 15.0
BASE: Final[Json] = {
    "lease_seconds": 1,
    "interrupt_grace_seconds": None,
    "session_ttl_days": 1,
}
ISOLATIONS: Final[Json] = {
    "own": "per_user",
    "tagged": "tagged",
    "thread": "thread",
    "talk": "conversation",
}


@dataclass(frozen=True, slots=True)
class Plan:
    """The chats and policies of one torture; `name` sets it apart from every other."""

    name: str
    seed: int

    @property
    def agent(self) -> str:
        return f"torture-{self.name}"

    @property
    def platform(self) -> str:
        return f"torture-{self.name}"

    def sources(self, round_number: int) -> list[Json]:
        """Everybody in every chat of a round."""
        return [
            self._source(f"{kind}-{round_number}", person, thread)
            for person in range(PEOPLE)
            for kind in KINDS
            for thread in (None, "thread-1")
            if thread is None or kind in ("own", "shared")
        ]

    def _source(self, chat_id: str, person: int, thread_id: str | None) -> Json:
        place = {"platform": self.platform, "chat_type": "group", "chat_id": chat_id}
        return place | {"user_id": f"person-{person}", "thread_id": thread_id}

    def rules(self, round_number: int) -> list[Json]:
        """The policy of a round: what holds for all its chats, then each kind's own."""
        chance = Random(f"{self.seed}/{round_number}")  # noqa: S311
        everywhere = {"match": {"agent": self.agent}, "set": BASE}
        return [everywhere, *(self._rule(kind, chance) for kind in KINDS)]

    def _rule(self, kind: str, chance: Random) -> Json:
        modes = ("queue", "interrupt", "steer", "reject")
        fields: Json = {
            "isolation": ISOLATIONS.get(kind, "shared"),
            "thread_isolation": chance.choice(("tagged", "shared", "per_user", "inherit")),
            "busy": {
                "same_sender": chance.choice(modes[:3]),
                "other_sender": chance.choice(modes),
            },
            "drain": "by_sender" if kind == "by-sender" else chance.choice(("all", "one")),
            "batch_max": chance.choice((1, 3, 100)),
            "debounce_ms": chance.choice((0, 0, 100)),
            "queue": self._queue(kind, chance),
            "max_deliveries": chance.choice(DELIVERIES),
            "retry_delay_seconds": chance.choice((0, 0, 1)),
        }
        if kind == "steered":
            fields["busy"] = {"same_sender": "steer", "other_sender": "steer"}
        chats = {"agent": self.agent, "chat_id": f"{kind}-*"}
        return {"match": chats, "set": fields}

    @staticmethod
    def _queue(kind: str, chance: Random) -> Json:
        if kind == "tight":
            overflow = chance.choice(("reject", "drop_oldest"))
            return {"max": 8, "max_per_sender": 3, "overflow": overflow, "ttl_seconds": 5}
        roomy = {"overflow": "reject", "ttl_seconds": None}
        return {"max": 200, "max_per_sender": 100, **roomy}
