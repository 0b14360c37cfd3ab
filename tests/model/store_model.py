"""The sessions of a store: what has run out, and how a session looks from outside."""

from dataclasses import dataclass, field
from typing import Any

from tests.model.records import (
    OMITTED_SHOWN,
    Control,
    Drawn,
    End,
    Incoming,
    Line,
    Message,
    Rules,
    Run,
)
from tests.model.session_model import Session

Answer = dict[str, Any]


def user_of(person: str) -> str:
    return person.partition(":")[2]


def asking_of(run: Run, now: int) -> tuple[str, int] | None:
    prompt = run.prompt
    return (prompt.id, prompt.until) if prompt and run.asks(now) else None


def holder_of(run: Run, now: int) -> tuple[Any, ...]:
    owners = [user_of(owner) for owner in run.owners]
    return run.number, run.consumer, owners, asking_of(run, now)


def shown(messages: list[Message]) -> list[tuple[Any, ...]]:
    return [(m.id, m.seq, m.returns + 1, m.text) for m in messages]


@dataclass
class Store:
    """All sessions; settled only by a call that acts on them, as the contract has it."""

    rules: Rules
    now: int = 0
    sessions: dict[str, Session] = field(default_factory=dict)
    homes: dict[tuple[str, str], Message | Control] = field(default_factory=dict)
    early: dict[tuple[str, str], str | None] = field(default_factory=dict)
    lines: dict[str, list[Line]] = field(default_factory=dict)
    ends: dict[int, End] = field(default_factory=dict)
    run_keys: dict[int, str] = field(default_factory=dict)
    drawn: int = 0
    gone: list[tuple[str, str]] = field(default_factory=list)

    def draw(self) -> Drawn:
        self.drawn += 1
        return Drawn(self.drawn)

    def session(self, m: Incoming) -> Session:
        """The session that a message belongs to, stored or not; a line may be kept before it."""
        lines = self.lines.setdefault(m.key, [])
        new = Session(self.rules, key=m.key, chat=m.chat, thread=m.thread, lines=lines)
        return self.sessions.get(m.key, new)

    # WHAT HAS RUN OUT

    def settle(self, s: Session) -> None:
        """[4] (3): lease, max_run_seconds, grace, delays and ttl."""
        run = s.run
        if run is not None and self.now >= run.deadline:
            how = run.cause_of_end
            self.end(s, how, by_holder=False)
            if how != "grace":
                s.delay_retry(run.deadline)
        if s.retry_at is not None and self.now >= s.retry_at:
            s.retry_at = None
        if s.debounce_at is not None and self.now >= s.debounce_at:
            s.debounce_at = None
        self.gone = s.expire(self.now)

    def end(self, s: Session, how: str, *, by_holder: bool) -> End:
        run = s.end_run(how, self.draw(), self.now)
        how = "interrupted" if how == "requeued" else how
        self.ends[run.number] = End(how, by_holder, run.is_sealed, run.posts)
        return self.ends[run.number]

    def is_due(self, s: Session) -> bool:
        """Whether a sweep would find something to do."""
        at = [s.run.deadline if s.run else None, s.retry_at, s.debounce_at]
        at += [None if s.run else s.head_open_until or None]
        at += [m.expires_at for m in s.queue if not m.runs]
        return any(deadline is not None and self.now >= deadline for deadline in at)

    def is_untouched(self, run: Run) -> bool:
        return not run.touched and self.now < run.deadline

    # VIEWS

    def answer(self, s: Session, decision: str, reason: str, **parts: Any) -> Answer:
        stored, run = self.sessions.get(s.key), parts.pop("run", None)
        active = stored.run if stored and run is None else None
        return {
            "decision": decision, "reason": reason, "state": None, "queue": None,
            "control": None, "duplicate_of": None, "dropped": list(self.gone),
            "session": self.view(stored), "run": self.view_of_run(run) if run else None,
            "active_run": holder_of(active, self.now) if active else None,
        } | parts  # fmt: skip

    def refuse(self, s: Session, reason: str) -> Answer:
        return self.answer(s, "reject", reason)

    def place(self, s: Session, m: Message, *, first: bool) -> Answer:
        position = s.queue.index(m) + 1
        return {
            "position": position,
            "depth": len(s.queue),
            "ready_at": s.held_until,
            "first": first,
        }

    def view(self, s: Session | None) -> Answer | None:
        if s is None:
            return None
        return {
            "key": s.key, "id": s.id, "is_new": s.is_new, "previous_id": s.previous_id,
            "reset_reason": s.reset_reason, "participants": [user_of(p) for p in s.participants],
        }  # fmt: skip

    def view_of_run(self, run: Run) -> Answer:
        s = self.sessions[self.run_keys[run.number]]
        back, kept_from = run.back_from, max(0, len(s.omitted) - OMITTED_SHOWN)
        return {
            "number": run.number, "consumer": run.consumer, "session_id": run.session_id,
            "lease_at": run.deadline,
            "reply_to": next((m.id for m in reversed(run.batch) if m.sent.to is None), None),
            "messages": [
                (m.id, m.seq, m.returns + 1, m.text, m.sent.group, m.answered or m.sent.answers)
                for m in run.batch
            ],
            "context": [(line.sent.home[1], line.text) for line in run.context if line in s.lines],
            "data": s.data or {}, "previous_data": s.previous_data,
            "previous": None if back is None else self.view_of_end(back),
            "omitted": s.omitted[kept_from : run.told], "omitted_count": run.told,
        }  # fmt: skip

    def view_of_end(self, number: int) -> tuple[Any, ...]:
        end = self.ends[number]
        return number, end.how, end.was_sealed, end.posts

    def view_of_stop(self, run: Run) -> Answer | None:
        stop = run.stop
        if stop is None:
            return None
        return {
            "cause": stop.cause, "user_id": stop.user, "message_id": stop.message,
            "requested_at": stop.at, "deadline": run.grace_at,
        }  # fmt: skip

    def detail(self, s: Session) -> Answer:
        """`GET /v1/sessions/{key}`."""
        run, dead = s.run, s.dead
        waits = (
            len(s.queue),
            len(run.batch) if run else 0,
            s.ended["done"],
            dead,
            s.ended["removed"],
        )
        return {
            "session": self.view(s), "state": s.state, "ready_at": s.held_until,
            "queue": shown(s.queue), "batch": shown(run.batch) if run else [],
            "run": (*holder_of(run, self.now), run.is_sealed, run.is_held) if run else None,
            "interrupt": self.view_of_stop(run) if run else None,
            "counters": (sum(waits), *waits),
        }  # fmt: skip

    def stats(self) -> Answer:
        """`GET /v1/stats`: what was accepted is the sum of the other states (I2)."""
        messages = [m for m in self.homes.values() if isinstance(m, Message)]
        states = [m.state for m in messages]
        sessions = [s.state for s in self.sessions.values()]
        oldest = min((m.accepted_at for m in messages if m.state == "waiting"), default=self.now)
        return {
            "sessions": {n: sessions.count(n) for n in ("idle", "waiting", "running", "paused")},
            "messages": {
                "accepted": len(states),
                **{n: states.count(n) for n in ("waiting", "in_run", "done", "dead", "removed")},
            },
            "oldest_wait_ms": self.now - oldest,
        }
