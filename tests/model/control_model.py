"""`stop` and `reset`: what their senders may end, and what goes with it."""

from typing import Any

from tests.model.records import Control, Incoming
from tests.model.session_model import Session
from tests.model.store_model import Answer, Store


class Controls(Store):
    """What a control does; a repeat changes nothing."""

    def may_stop(self, s: Session, m: Incoming) -> bool:
        if m.is_bot:
            return False
        owners = s.run.owners or s.participants if s.run else []
        return m.is_moderator or s.rules.stop_by == "anyone" or m.sender in owners

    def remove_own(self, s: Session, m: Incoming, reason: str) -> list[str]:
        own = [] if m.sender is None else s.waiting_of(m.sender)
        for w in own:
            s.remove(w, reason)
        return [w.id for w in own]

    def controlled(self, s: Session, m: Incoming, reason: str, **done: Any) -> Answer:
        self.homes[m.home] = Control(m, s, m.text)
        control = {"stopped": [], "removed": [], "pending": False} | done
        return self.answer(s, "control", reason, control=control)

    def stop(self, s: Session, m: Incoming) -> Answer:
        if m.is_bot or (s.run and not self.may_stop(s, m)):
            return self.refuse(s, "not_owner")
        removed, stopped = self.remove_own(s, m, "stopped"), []
        if s.run and s.run.is_sealed:
            return self.controlled(s, m, "too_late", removed=removed)
        reach = [s] if s.run else self.others_in_reach(s, m)
        for other in reach:
            runs = other.run and self.now < other.run.deadline and not other.run.is_sealed
            if other.run and runs and self.may_stop(other, m):
                if other is not s:
                    removed += self.remove_own(other, m, "stopped")
                stopped.append(other.run.number)
                other.ask_to_stop("stop", m, self.now, ends="stopped")
        reason = "stopped" if stopped or removed else "nothing_runs"
        return self.controlled(s, m, reason, stopped=stopped, removed=removed)

    def others_in_reach(self, s: Session, m: Incoming) -> list[Session]:
        """Of the same thread; outside threads of the same chat, its threads included."""
        return [
            o
            for o in self.sessions.values()
            if o is not s and s.chat is not None and o.chat == s.chat
            and (m.place.thread is None or self.runs_in(o, m.place.thread))
        ]  # fmt: skip

    def runs_in(self, s: Session, thread: str) -> bool:
        # A thread that belongs to its chat's session is known by what runs there.
        return s.run is not None and s.run.batch[0].sent.place.thread == thread

    def reset_by_control(self, s: Session, m: Incoming) -> Answer:
        if s.run is not None:
            if not self.may_stop(s, m):
                return self.refuse(s, "not_owner")
            removed = self.remove_own(s, m, "reset")
            s.reset_pending = "control"
            stopped = [] if s.run.is_sealed else [s.run.number]
            if stopped:
                s.ask_to_stop("reset", m, self.now, ends="reset")
            return self.controlled(s, m, "reset", stopped=stopped, removed=removed, pending=True)
        is_allowed = m.is_moderator or not s.participants or m.sender in s.participants
        if m.is_bot or not is_allowed:
            return self.refuse(s, "not_owner")
        if s.key not in self.sessions:
            return self.controlled(s, m, "nothing_runs")
        removed = self.remove_own(s, m, "reset")
        s.new_generation(self.draw(), "control")
        return self.controlled(s, m, "reset", removed=removed)
