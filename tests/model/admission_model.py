"""Messages and controls: one decision each, by section 4 of the contract."""

from typing import Any

from tests.model.records import STRENGTH, Control, Incoming, Message, Run
from tests.model.session_model import Session
from tests.model.store_model import Answer, Store


class Admission(Store):
    """What a message meets."""

    # MESSAGES

    def admit(self, m: Incoming) -> Answer:  # noqa: PLR0911
        """[4] in the contract's one order."""
        self.gone = []
        known = self.homes.get(m.home)
        if known is not None:
            return self.repeat(known, m)
        s = self.sessions.get(m.key) or Session(m.key, m.chat, m.thread, self.rules)
        self.settle(s)
        if m.is_bot and self.is_over_bot_limit(s):
            return self.refuse(s, "bot_limit")
        if m.control == "stop":
            return self.stop(s, m)
        if m.control == "reset":
            return self.reset_by_control(s, m)
        if s.paused:
            return self.wait(s, m, "queue", "paused")
        if s.run is not None:
            return self.meet_run(s, s.run, m)
        return self.meet_free_session(s, m)

    def repeat(self, known: Message | Control, m: Incoming) -> Answer:
        """I4: nothing changes; the same grant again while nobody has called on it."""
        s = known.session
        answer = self.answer(s, "duplicate", "known_id", state=known.state)
        if m.sender != known.sent.sender or m.text not in (known.sent.text, known.amended):
            return answer | {"decision": "reject", "reason": "id_reused"}
        answer["duplicate_of"] = known.decision
        if isinstance(known, Message) and known.state == "waiting":
            answer["queue"] = self.place(s, known, first=False)
        run = s.run
        is_same = run is not None and run.number == known.started and run.consumer == m.consumer
        if run is not None and is_same and self.is_untouched(run):
            answer |= {"run": self.view_of_run(run), "active_run": None}
        return answer

    def is_over_bot_limit(self, s: Session) -> bool:
        if s.bots_at is None or s.bots_at + s.rules.bots_ms <= self.now:
            s.bots_at, s.bots = self.now, 0
        return s.bots >= self.rules.bots_max

    def meet_run(self, s: Session, run: Run, m: Incoming) -> Answer:
        """[4] (6): a run is active."""
        if m.kind == "internal":
            return self.wait(s, m, "queue", "internal")
        is_same = m.is_moderator or (m.sender is not None and run.owners == [m.sender])
        mode = self.rules.same_sender if is_same else self.rules.other_sender
        if m.busy and (is_same or STRENGTH[m.busy] < STRENGTH[mode]):
            mode = m.busy
        reason = "same_sender_active" if is_same else "other_sender_active"
        if mode == "reject":
            return self.refuse(s, "busy_reject")
        if m.is_bot or (mode == "steer" and m.place != run.batch[0].sent.place):
            mode = "queue"
        if mode == "steer" and run.stop:
            return self.wait(s, m, "queue", "interrupt_pending", in_front=True)
        return self.wait(s, m, mode, reason, in_front=mode != "queue")

    def meet_free_session(self, s: Session, m: Incoming) -> Answer:
        """[4] (7) and (8): nothing runs."""
        debounce_at = s.debounce_at
        if m.kind == "user" and self.rules.debounce_ms:
            oldest = min([self.now, *(w.accepted_at for w in s.queue)])
            soonest = self.now + self.rules.debounce_ms
            ready_at = min(soonest, oldest + self.rules.debounce_max_ms)
            debounce_at = ready_at if ready_at > self.now else None
        if s.retry_at is not None:
            return self.wait(s, m, "queue", "retry_delay")
        if debounce_at is not None:
            return self.wait(s, m, "queue", "debounce", debounce_at=debounce_at)
        if m.worker:
            return self.wait(s, m, "queue", "dispatch_worker")
        if s.queue and s.queue[0].sent.account != m.account:
            return self.wait(s, m, "queue", "other_account")
        first = not s.waiting_of(m.sender)
        message = self.accept(s, m, "run")
        s.queue.append(message)
        run = self.grant(s, m.consumer)
        message.started = run.number
        waits = message.state == "waiting"
        return self.answer(
            s, "run", "session_idle", state=message.state, run=run,
            queue=self.place(s, message, first=first) if waits else None,
        )  # fmt: skip

    def accept(self, s: Session, m: Incoming, decision: str) -> Message:
        if s.key not in self.sessions:
            self.sessions[s.key] = s
            s.id = self.draw()
        s.rules = self.rules
        s.seq += 1
        s.bots += m.is_bot
        if m.owns and m.sender is not None:
            s.participants = [p for p in s.participants if p != m.sender] + [m.sender]
        ttl_ms = s.rules.ttl_ms
        expires_at = None if ttl_ms is None else self.now + ttl_ms
        message = Message(m, s, s.seq, self.now, expires_at, m.text, decision)
        self.homes[m.home] = message
        return message

    def wait(  # noqa: PLR0913
        self, s: Session, m: Incoming, decision: str, reason: str,
        *, in_front: bool = False, debounce_at: int | None = None,
    ) -> Answer:  # fmt: skip
        """Stores a message that does not run now, if the limits let it."""
        first = not s.waiting_of(m.sender)
        full = self.limit_reached(s, m)
        if full:
            return self.refuse(s, full)
        message = self.accept(s, m, decision)
        if decision == "interrupt":
            s.ask_to_stop("message", m, self.now)
        if decision == "steer" and s.run:
            message.offered_to = s.run.number
        s.debounce_at = debounce_at or s.debounce_at
        if in_front:
            s.place_in_front(message)
        else:
            s.queue.append(message)
        place = self.place(s, message, first=first)
        return self.answer(s, decision, reason, state="waiting", queue=place)

    def limit_reached(self, s: Session, m: Incoming) -> str | None:
        """[4] Limits concern only messages never granted, and drop only the sender's own."""
        fresh = [w for w in s.queue if not w.runs]
        own = [w for w in fresh if w.sent.sender == m.sender]
        if len(fresh) >= self.rules.queue_max:
            full = "queue_full"
        elif len(own) >= self.rules.sender_max:
            full = "sender_queue_full"
        else:
            return None
        if self.rules.overflow == "reject" or not own:
            return full
        self.gone.append(s.omit(min(own, key=lambda w: w.seq), "overflow"))
        return None

    def grant(self, s: Session, consumer: str) -> Run:
        batch = s.choose_batch()
        s.queue = [m for m in s.queue if m not in batch]
        owners = list(dict.fromkeys(m.sent.sender for m in batch if m.sent.owns and m.sent.sender))
        run = s.run = Run(
            self.draw(), consumer, s.id, batch, owners, self.now,
            lease_at=self.now + s.rules.lease_ms, max_at=self.now + s.rules.max_run_ms,
            told=len(s.omitted), back_from=next((m.runs[-1] for m in batch if m.runs), None),
        )  # fmt: skip
        self.run_keys[run.number] = s.key
        for m in batch:
            m.state, m.reason, m.offered_to = "in_run", "", None
            m.runs.append(run.number)
        s.debounce_at = None
        return run

    # CONTROLS

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
        reach = [s] if s.run else self.others_in_reach(s, m)
        for other in reach:
            if other.run and self.now < other.run.deadline and self.may_stop(other, m):
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
            and (m.place.thread is None or o.thread == m.place.thread)
        ]  # fmt: skip

    def reset_by_control(self, s: Session, m: Incoming) -> Answer:
        if s.run is not None:
            if not self.may_stop(s, m):
                return self.refuse(s, "not_owner")
            removed = self.remove_own(s, m, "reset")
            s.reset_pending = "control"
            s.ask_to_stop("reset", m, self.now, ends="reset")
            stopped = [s.run.number]
            return self.controlled(s, m, "reset", stopped=stopped, removed=removed, pending=True)
        is_allowed = m.is_moderator or not s.participants or m.sender in s.participants
        if m.is_bot or not is_allowed:
            return self.refuse(s, "not_owner")
        if s.key not in self.sessions:
            return self.controlled(s, m, "nothing_runs")
        removed = self.remove_own(s, m, "reset")
        s.new_generation(self.draw(), "control")
        return self.controlled(s, m, "reset", removed=removed)
