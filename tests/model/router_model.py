"""The verbs, on the sessions of the model: what every call answers, by the contract.

An answer is a dict of what the contract fixes; `answers.py` reads the same out of the real
one. A lease is over at its deadline whether somebody settled it or not.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from tests.model.admission_model import Admission
from tests.model.records import End, Message, Prompt, Run
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

    def offered(self, s: Session, run: Run) -> Answer:
        """What came for the holder that it has not seen."""
        offered = [m for m in s.queue if m.offered_to == run.number]
        return {
            "interrupt": self.view_of_stop(run),
            "steer": [(m.id, m.text) for m in offered if m.answered is None],
            "answers": [(m.id, m.text, m.answered) for m in offered if m.answered is not None],
        }

    def report(self, s: Session, run: Run, seen: list[str], sent: Sequence[str], data: Any) -> None:
        """What a holder says of its run with any call."""
        run.touched = True
        s.see(seen)
        run.posts += [post for post in sent if post not in run.posts]
        s.data = s.data if data is None else data

    def heartbeat(  # noqa: PLR0913
        self, number: int, fence: int, seen: list[str], *,
        hold: bool | None = None, sent: Sequence[str] = (), data: Any = None,
    ) -> Answer:  # fmt: skip
        held = self.held(number, fence)
        if held is None:
            return {"refused": "lease_lost"}
        s, run = held
        self.report(s, run, seen, sent, data)
        run.is_held = run.is_held if hold is None else hold
        run.lease_at = self.now + s.rules.lease_ms
        return {"lease_at": run.deadline, "sealed": run.is_sealed, **self.offered(s, run)}

    def ask(self, number: int, fence: int, prompt: Prompt | None) -> Answer:
        held = self.held(number, fence)
        if held is None:
            return {"refused": "lease_lost"}
        _, run = held
        if run.is_sealed:
            return {"refused": "run_sealed"}
        run.touched = True
        asked = run.prompt if run.asks(self.now) else None
        if asked and prompt and asked.id == prompt.id:
            run.prompt = replace(asked, who=prompt.who, reply_to=prompt.reply_to)
        else:
            run.end_prompt(self.now)
            run.prompt = prompt
        return {"until": run.prompt.until if run.prompt else None}

    def seal(self, number: int, fence: int, seen: list[str]) -> Answer:
        """[5] Refused while something came first that its holder has not seen."""
        held = self.held(number, fence)
        if held is None:
            return {"refused": "lease_lost"}
        s, run = held
        self.report(s, run, seen, (), None)
        came = self.offered(s, run)
        if any(came.values()):
            return {"sealed": False, **came}
        if not run.is_sealed:
            run.is_sealed = True
            run.end_prompt(self.now)
        return {"sealed": True, **came}

    def complete(  # noqa: PLR0913
        self, number: int, fence: int, outcome: str, *, requeue: bool, seen: list[str],
        wants: bool, sent: Sequence[str] = (), data: Any = None,
    ) -> Answer:  # fmt: skip
        end, held = self.ends.get(number), self.held(number, fence)
        if end and end.by_holder and fence == number:
            return self.completed(self.run_keys[number], end)
        if held is None:
            return {"refused": "lease_lost"}
        s, run = held
        self.report(s, run, seen, sent, data)
        offered = [m for m in s.queue if m.offered_to == number]
        end = self.end(s, "requeued" if requeue else outcome, by_holder=True)
        if outcome == "failed":
            s.delay_retry(self.now)
        elif outcome != "released":
            s.fails = 0
        s.expire(self.now)
        end.returned = tuple(m.id for m in offered if m.state == "waiting")
        is_free = wants and s.queue and not s.paused and s.retry_at is None
        is_free = is_free and s.head_open_until <= self.now
        if is_free and s.queue[0].sent.account == run.batch[0].sent.account:
            end.next = self.grant(s, run.consumer).number
        return self.completed(s.key, end)

    def claim(self, key: str, consumer: str) -> Answer | None:
        """[5] What waits for nothing but a holder."""
        s = self.sessions[key]
        if s.state != "waiting" or (s.held_until or 0) > self.now:
            return None
        return self.view_of_run(self.grant(s, consumer))

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
        if s.run is None or s.run.stop or s.run.is_sealed:
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
            if not s.run.is_sealed:
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
        s.lines.clear()
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
            if self.early.get(home, "") is not None:  # a deletion stands
                self.early[home] = text
            return "unknown"
        if m.session.key in self.sessions:
            self.settle(self.sessions[m.session.key])
        if m.state == "removed":
            return "removed"
        if m.state != "waiting":
            is_done = text is not None and text == m.amended
            return "unchanged" if is_done else "already_delivered"
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
            old = m.session
            s = Session(old.rules, key=old.key, chat=old.chat, thread=old.thread, lines=old.lines)
            s.id, s.place = self.draw(), m.sent.place
            self.sessions[s.key] = s
        s.seq += 1
        m.session, m.seq, m.returns, m.state, m.reason = s, s.seq, 0, "waiting", "redriven"
        s.put_last(m)
