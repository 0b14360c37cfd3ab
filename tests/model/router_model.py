"""The verbs, on the sessions of the model: what every call answers, by the contract.

An answer is a dict of what the contract fixes; `answers.py` reads the same out of the real
one. A lease is over at its deadline whether somebody settled it or not.
"""

from tests.model.admission_model import Admission
from tests.model.records import End, Message, Run
from tests.model.session_model import Session
from tests.model.store_model import Answer


class RouterModel(Admission):
    """What holders and operators do; messages are in `Admission`."""

    # RUNS

    def held(self, number: int, fence: int) -> tuple[Session, Run] | None:
        """I6: the run that this call may speak for."""
        s = self.sessions.get(self.run_keys[number])
        if s is None or s.run is None or s.run.number != number or fence != number:
            return None
        return None if self.now >= s.run.deadline else (s, s.run)

    def heartbeat(self, number: int, fence: int, seen: list[str]) -> Answer:
        held = self.held(number, fence)
        if held is None:
            return {"refused": "lease_lost"}
        s, run = held
        run.touched = True
        s.see(seen)
        run.lease_at = self.now + s.rules.lease_ms
        return {
            "lease_at": run.deadline,
            "interrupt": self.view_of_stop(run),
            "steer": [(m.id, m.text) for m in s.queue if m.offered_to == number],
        }

    def complete(  # noqa: PLR0913
        self, number: int, fence: int, outcome: str, *, requeue: bool, seen: list[str], wants: bool
    ) -> Answer:
        end, held = self.ends.get(number), self.held(number, fence)
        if end and end.by_holder and fence == number:
            return self.completed(self.run_keys[number], end)
        if held is None:
            return {"refused": "lease_lost"}
        s, run = held
        run.touched = True
        s.see(seen)
        steers = [m for m in s.queue if m.offered_to == number]
        end = self.end(s, "requeued" if requeue else outcome, by_holder=True)
        if outcome == "failed":
            s.delay_retry(self.now)
        elif outcome != "released":
            s.fails = 0
        s.expire(self.now)
        end.returned = tuple(m.id for m in steers if m.state == "waiting")
        is_free = wants and s.queue and not s.paused and s.retry_at is None
        if is_free and s.queue[0].sent.account == run.batch[0].sent.account:
            end.next = self.grant(s, run.consumer).number
        return self.completed(s.key, end)

    def completed(self, key: str, end: End) -> Answer:
        s = self.sessions.get(key)
        if s is None:
            return {"next": None, "returned": list(end.returned), "session": None}
        run = s.run
        is_next = run is not None and run.number == end.next and self.is_untouched(run)
        return {
            "next": self.view_of_run(run) if run and is_next else None,
            "returned": list(end.returned),
            "session": self.view(s),
        }

    # OPERATORS

    def operate(self, verb: str, key: str, *, run: int | None, id: int | None) -> Answer:  # noqa: A002
        """[7] Acts on what the person saw, or not at all."""
        s = self.sessions.get(key)
        if s is None:
            return {"refused": "unknown_session"}
        self.settle(s)
        is_seen = run is None or (s.run is not None and s.run.number == run)
        is_seen = is_seen and id in (None, s.id)
        return {"changed": is_seen and getattr(self, f"do_{verb}")(s)}

    def do_interrupt(self, s: Session) -> bool:
        if s.run is None or s.run.stop:
            return False
        s.ask_to_stop("operator", None, self.now)
        return True

    def do_reset(self, s: Session) -> bool:
        if s.reset_pending:
            return False
        if s.run is None:
            s.new_generation(self.draw(), "operator")
        else:
            s.reset_pending = "operator"
            s.ask_to_stop("reset", None, self.now, ends="reset")
        return True

    def do_release(self, s: Session) -> bool:
        if s.run is None:
            return False
        self.end(s, "forced", by_holder=False)
        return True

    def do_pause(self, s: Session) -> bool:
        was, s.paused = s.paused, True
        return not was

    def do_resume(self, s: Session) -> bool:
        was, s.paused = s.paused, False
        return was

    def do_delete(self, s: Session) -> bool:
        if s.run is not None:
            s.run.ends = "session_deleted"
            self.end(s, "forced", by_holder=False)
        for m in list(s.queue):
            s.remove(m, "session_deleted")
        del self.sessions[s.key]
        return True

    def remove(self, key: str, seq: int) -> Answer:
        s = self.sessions.get(key)
        if s is None:
            return {"refused": "unknown_session"}
        self.settle(s)
        for m in s.queue:
            if m.seq == seq:
                s.remove(m, "operator")
                return {"changed": True}
        return {"changed": False}

    def amend(self, home: tuple[str, str], text: str | None) -> str:
        """[4] Acts on what still waits."""
        m = self.homes.get(home)
        if not isinstance(m, Message):
            return "unknown"
        if m.session.key in self.sessions:
            self.settle(self.sessions[m.session.key])
        if m.state == "removed":
            return "removed"
        if m.state != "waiting":
            return "already_delivered"
        if text is None:
            m.session.remove(m, "deleted")
            return "removed"
        if m.text == text:
            return "unchanged"
        m.text = m.amended = text
        return "updated"

    def letters(self) -> list[Message]:
        messages = (m for m in self.homes.values() if isinstance(m, Message))
        return [m for m in messages if m.state == "dead"]

    def discard(self, m: Message) -> None:
        m.session.dead -= 1
        m.session.finish(m, "removed", "discarded")

    def redrive(self, m: Message) -> None:
        """[7] To the back of the session it came from, counted anew."""
        m.session.dead -= 1
        s = self.sessions.get(m.session.key)
        if s is None:
            s = Session(m.session.key, m.session.chat, m.session.thread, m.session.rules)
            s.id = self.draw()
            self.sessions[s.key] = s
        s.seq += 1
        m.session, m.seq, m.returns, m.state, m.reason = s, s.seq, 0, "waiting", "redriven"
        s.queue.append(m)
