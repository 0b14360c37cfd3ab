"""One session as the contract has it: plain Python, no I/O, no clock, no transcription.

The oracle of the state machine, with `router_model.py`. Sections of the contract stand in
brackets.
"""

from dataclasses import dataclass, field

from tests.model.records import Drawn, Incoming, Message, Rules, Run, Stop


@dataclass(eq=False)
class Session:
    key: str
    chat: str | None
    thread: str | None
    rules: Rules
    id: int = 0
    is_new: bool = True
    previous_id: int | None = None
    reset_reason: str | None = None
    queue: list[Message] = field(default_factory=list)
    run: Run | None = None
    paused: bool = False
    retry_at: int | None = None
    fails: int = 0
    debounce_at: int | None = None
    reset_pending: str | None = None
    participants: list[str] = field(default_factory=list)
    omitted: list[tuple[str, str]] = field(default_factory=list)
    seq: int = 0
    bots: int = 0
    bots_at: int | None = None
    ended: dict[str, int] = field(default_factory=lambda: dict.fromkeys(("done", "removed"), 0))
    dead: int = 0

    @property
    def state(self) -> str:
        if self.paused:
            return "paused"
        if self.run is not None:
            return "running"
        return "waiting" if self.queue else "idle"

    @property
    def held_until(self) -> int | None:
        return self.debounce_at if self.retry_at is None else self.retry_at

    def waiting_of(self, sender: str | None) -> list[Message]:
        return [m for m in self.queue if m.sent.sender == sender]

    def is_last_try(self, m: Message) -> bool:
        return m.returns + 1 >= self.rules.max_deliveries

    def new_generation(self, number: int, reason: str) -> None:
        """[6] Another id under the same key; nothing of the old history."""
        self.previous_id, self.id, self.reset_reason = self.id, number, reason
        self.is_new, self.reset_pending = True, None

    def choose_batch(self) -> list[Message]:
        """[4] As `drain` says, within one place; the last try of a message is alone."""
        head, rules = self.queue[0], self.rules
        line = self.waiting_of(head.sent.sender) if rules.drain == "by_sender" else self.queue
        chosen = [head]
        for m in line[1 : 1 if rules.drain == "one" else rules.batch_max]:
            alone = self.is_last_try(m) or self.is_last_try(head)
            if alone or m.sent.place != head.sent.place:
                break
            chosen.append(m)
        return chosen

    def finish(self, m: Message, state: str, reason: str) -> None:
        m.state, m.reason = state, reason
        self.ended[state] += 1

    def remove(self, m: Message, reason: str) -> None:
        self.queue.remove(m)
        self.finish(m, "removed", reason)
        if not self.queue:
            self.debounce_at = None

    def omit(self, m: Message, reason: str) -> tuple[str, str]:
        """Nothing is silent: the next runs are told."""
        self.remove(m, reason)
        self.omitted.append((m.id, reason))
        return m.id, reason

    def place_in_front(self, m: Message) -> None:
        """I3: its sender's waiting messages, in their order, before all others'."""
        own = [*self.waiting_of(m.sent.sender), m]
        self.queue = own + [other for other in self.queue if other not in own]

    def expire(self, now: int) -> list[tuple[str, str]]:
        """[4] ttl concerns only messages never granted."""
        return [
            self.omit(m, "expired")
            for m in list(self.queue)
            if m.expires_at is not None and not m.runs and now >= m.expires_at
        ]

    def end_run(self, how: str, drawn: Drawn) -> Run:
        """[5] However a run ends, its batch goes one way."""
        run, self.run = self.run, None
        assert run is not None
        kept = []
        for m in run.batch:
            counted = how in ("failed", "lease_expired", "max_run")
            if run.ends and how != "completed":
                self.finish(m, "removed", run.ends)
            elif how in ("completed", "interrupted"):
                self.finish(m, "done", how)
            elif counted and self.is_last_try(m):
                m.state, m.reason = "dead", "max_deliveries"
                self.dead += 1
            else:
                m.returns += counted
                m.state, m.reason = "waiting", how
                kept.append(m)
        self.queue = kept + self.queue
        if how == "completed":
            del self.omitted[: run.told]
        if self.reset_pending:
            self.new_generation(drawn, self.reset_pending)
        elif how == "completed":
            self.is_new, self.previous_id, self.reset_reason = False, None, None
        return run

    def delay_retry(self, since: int) -> None:
        """[5] Holds the whole session, twice as long each time."""
        if self.rules.retry_ms:
            self.retry_at = since + self.rules.retry_ms * 2**self.fails
            self.fails += 1

    def ask_to_stop(
        self, cause: str, m: Incoming | None, now: int, ends: str | None = None
    ) -> None:
        run = self.run
        assert run is not None
        who = m.user if m else None
        what = m.home[1] if m else None
        if run.stop is None:
            run.stop = Stop(cause, who, what, now)
            if self.rules.grace_ms is not None:
                run.grace_at = now + self.rules.grace_ms
        elif ends:
            run.stop = Stop(cause, who, what, run.stop.at)
        run.ends = ends or run.ends

    def see(self, ids: list[str]) -> None:
        """A steer that its holder has seen is part of the batch from then on."""
        assert self.run is not None
        for m in [m for m in self.queue if m.offered_to == self.run.number and m.id in ids]:
            self.queue.remove(m)
            m.state, m.reason, m.offered_to = "in_run", "", None
            m.runs.append(self.run.number)
            self.run.batch.append(m)
