"""One session as the contract has it: plain Python, no I/O, no clock, no transcription.

The oracle of the state machine, with `router_model.py`. Sections of the contract stand in
brackets.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from tests.model.queue_model import Queue
from tests.model.records import Drawn, Incoming, Line, Message, Place, Run, Stop


@dataclass(eq=False)
class Session(Queue):
    key: str = ""
    chat: str | None = None
    thread: str | None = None
    place: Place | None = None  # of its last message
    id: int = 0
    is_new: bool = True
    previous_id: int | None = None
    reset_reason: str | None = None
    run: Run | None = None
    paused: bool = False
    retry_at: int | None = None
    fails: int = 0
    debounce_at: int | None = None
    reset_pending: str | None = None
    participants: list[str] = field(default_factory=list)
    omitted: list[tuple[str, str]] = field(default_factory=list)
    lines: list[Line] = field(default_factory=list)
    data: Any = None
    previous_data: Any = None
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
        """Until when a free session waits: for a retry, a debounce, or parts of a burst."""
        if self.run is not None or self.retry_at is not None:
            return self.retry_at
        return max(self.debounce_at or 0, self.head_open_until) or None

    def new_generation(self, number: int, reason: str) -> None:
        """[6] Another id under the same key; nothing of the old history."""
        self.previous_id, self.id, self.reset_reason = self.id, number, reason
        self.is_new, self.reset_pending = True, None
        self.data, self.previous_data = None, self.data
        self.lines.clear()

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

    # CONTEXT

    def keep(self, m: Incoming, text: str, now: int) -> None:
        """[4] Sent again, a line replaces itself; the newest stay."""
        self.forget_lines(now, lambda line: line.sent.home == m.home)
        self.lines.append(Line(m, text, now))
        del self.lines[: -self.rules.context_max]

    def fresh_lines(self, now: int) -> list[Line]:
        return [line for line in self.lines if now < line.at + self.rules.context_ms]

    def forget_lines(self, now: int, is_told: Callable[[Line], bool]) -> None:
        self.lines[:] = [line for line in self.fresh_lines(now) if not is_told(line)]

    def expire(self, now: int) -> list[tuple[str, str]]:
        """[4] ttl concerns only messages never granted."""
        return [
            self.omit(m, "expired")
            for m in list(self.queue)
            if m.expires_at is not None and not m.runs and now >= m.expires_at
        ]

    def end_run(self, how: str, drawn: Drawn, now: int) -> Run:
        """[5] However a run ends, its batch goes one way."""
        run, self.run = self.run, None
        assert run is not None
        ends = run.ends or (self.reset_pending and "reset")
        is_lost = how in ("lease_expired", "max_run", "grace", "forced")
        kept = []
        for m in run.batch:
            counted = how in ("failed", "lease_expired", "max_run")
            if run.is_sealed and is_lost and run.ends != "session_deleted":
                self.finish(m, "done", "delivery_unknown")
            elif ends and how != "completed":
                self.finish(m, "removed", ends)
            elif how in ("completed", "interrupted"):
                self.finish(m, "done", how)
            elif counted and self.is_last_try(m):
                m.state, m.reason = "dead", "max_deliveries"
                self.dead += 1
            else:
                m.returns += counted
                m.state, m.reason = "waiting", how
                kept.append(m)
        self.put_back(*kept)
        if how == "completed":
            del self.omitted[: run.told]
            self.forget_lines(now, lambda line: line in run.context)
        if self.reset_pending:
            self.new_generation(drawn, self.reset_pending)
        elif how == "completed":
            self.is_new, self.previous_id, self.reset_reason = False, None, None
            self.previous_data = None
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
