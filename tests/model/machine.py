"""What every rule of the state machine needs: the service and the model, side by side."""

from typing import Any
from urllib.parse import quote

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant

from tests.model import answers
from tests.model.answers import Names
from tests.model.policies import POLICIES, Policy
from tests.model.records import Message, Run, rules_of
from tests.model.router_model import RouterModel
from tests.model.service import Service
from tests.model.session_model import Session

WHOLE_EVERY = 10
PICKS = st.integers(0, 3)


def session_path(key: str, action: str = "") -> str:
    return f"/v1/sessions/{quote(key, safe='')}{action}"


class Machine(RuleBasedStateMachine):
    """Every rule makes a call of the service, the same step of the model, and compares."""

    service: Service  # set by whoever runs it

    def __init__(self) -> None:
        super().__init__()
        self.names = Names()
        self.steps = 0
        self.touched: set[str] = set()
        self.last_id = 0
        self.has_seen_steers = False

    @initialize(policy=POLICIES)
    def begin(self, policy: Policy) -> None:
        self.policy = policy
        self.model = RouterModel(rules_of(policy))
        self.service.begin(policy)

    # CALLS

    def post(self, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        return self.service.call("POST", path, body)

    def get(self, path: str) -> dict[str, Any]:
        return self.service.call("GET", path)

    def compare(self, expected: Any, actual: Any) -> None:
        self.names.compare(expected, actual)

    def run_path(self, number: int, action: str) -> str:
        return f"/v1/runs/{quote(self.names.of[number], safe='')}/{action}"

    # PICKING

    def new_id(self) -> str:
        self.last_id += 1
        return str(self.last_id)

    def active_runs(self) -> list[Run]:
        return [s.run for s in self.model.sessions.values() if s.run is not None]

    def pick_session(self, pick: int) -> Session:
        sessions = sorted(self.model.sessions.values(), key=lambda s: -s.seq)
        return sessions[pick % len(sessions)]

    def messages(self) -> list[Message]:
        return [m for m in self.model.homes.values() if isinstance(m, Message)]

    # COMPARISONS

    @invariant()
    def all_agree(self) -> None:
        self.steps += 1
        self.compare(self.model.stats(), answers.stats(self.get("/v1/stats")))
        touched, self.touched = self.touched, set()
        if self.steps % WHOLE_EVERY == 0:
            touched = set(self.model.sessions)
        for key in sorted(touched):
            self.compare_session(key)

    def compare_session(self, key: str) -> None:
        session = self.model.sessions.get(key)
        found = self.get(session_path(key, "?texts=true"))
        if session is None:
            assert found == {"refused": "unknown_session"}
            return
        self.compare(self.model.detail(session), answers.detail(found))

    def teardown(self) -> None:
        if not hasattr(self, "model"):
            return
        for key in sorted(self.model.sessions):
            self.compare_session(key)
        # A seen steer that comes back may overtake its own sender: then the books are left alone.
        if not self.has_seen_steers:
            self.service.assert_filed_rightly()
