"""Messages and controls: one decision each, by section 4 of the contract."""

from dataclasses import replace

from tests.model.control_model import Controls
from tests.model.records import STRENGTH, Control, Incoming, Message, Run
from tests.model.session_model import Session
from tests.model.store_model import Answer


class Admission(Controls):
    """What a message meets."""

    # MESSAGES

    def admit(self, m: Incoming) -> Answer:  # noqa: PLR0911
        """[4] in the contract's one order."""
        self.gone = []
        known = self.homes.get(m.home)
        if known is not None:
            return self.repeat(known, m)
        s = self.session(m)
        self.settle(s)
        if m.to is not None and s.place is not None:
            m = replace(m, place=s.place)
        refused = self.refusal_of_origin(s, m)
        if refused:
            return self.refuse(s, refused)
        if m.control is not None:
            return self.stop(s, m) if m.control == "stop" else self.reset_by_control(s, m)
        if self.early.get(m.home, "") is None:
            return self.refuse(s, "deleted")
        if m.kind == "context":
            s.keep(m, self.early.get(m.home, m.text) or "", self.now)
            return self.answer(s, "kept", "context")
        refused = self.refusal_of_answer(s, m)
        if refused:
            return self.refuse(s, refused)
        if s.paused:
            return self.wait(s, m, "queue", "paused")
        if s.run is not None:
            return self.meet_run(s, s.run, m)
        return self.meet_free_session(s, m)

    def refusal_of_origin(self, s: Session, m: Incoming) -> str | None:
        """[4] (4): too late, for a session that is no more, or one bot's message too many."""
        if m.to is not None and (m.to != s.id or s.reset_pending):
            return "session_changed"
        if m.sent_at is not None and m.sent_at <= self.now - s.rules.dedupe_ms:
            return "too_old"
        return "bot_limit" if m.is_bot and self.is_over_bot_limit(s) else None

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

    # QUESTIONS

    def refusal_of_answer(self, s: Session, m: Incoming) -> str | None:
        """[5] A button whose prompt is gone, or pressed by somebody else."""
        if m.answers is None:
            return None
        prompt = s.run.prompt if s.run and s.run.asks(self.now) else None
        if s.run is None or prompt is None or prompt.id != m.answers:
            return "prompt_gone"
        return None if self.may_answer(s, s.run, m) else "not_owner"

    def may_answer(self, s: Session, run: Run, m: Incoming) -> bool:
        who = run.prompt.who if run.prompt else ()
        if who == "anyone":
            return not m.is_bot
        if who == "owners":
            return not m.is_bot and m.sender in (run.owners or s.participants)
        return m.user in who

    def is_answer(self, s: Session, run: Run, m: Incoming) -> bool:
        """[5] With `answers`, as a reply to the prompt, or as plain text on its route."""
        prompt = run.prompt
        if prompt is None or not run.asks(self.now):
            return False
        if m.kind != "user" or not self.may_answer(s, run, m):
            return False
        if m.answers is not None:
            return True
        asked_in = run.batch[0].sent.place
        if m.reply_to is not None:
            return m.reply_to == prompt.reply_to and m.place.chat == asked_in.chat
        return m.busy is None and m.place == asked_in

    def meet_run(self, s: Session, run: Run, m: Incoming) -> Answer:  # noqa: PLR0911
        """[4] (6): a run is active."""
        if self.is_answer(s, run, m):
            return self.wait(s, m, "answer", "asking", in_front=True)
        if run.is_sealed:
            return self.wait(s, m, "queue", "run_sealed")
        if run.is_held:
            return self.wait(s, m, "queue", "run_held")
        if m.kind == "internal":
            return self.wait(s, m, "queue", "internal")
        if any(m.is_part_of(sibling.sent) for sibling in run.batch):
            return self.wait(s, m, "queue", "group")
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
        if s.open_until(m, self.now) > self.now or s.head_open_until > self.now:
            return self.wait(s, m, "queue", "group", debounce_at=debounce_at)
        if debounce_at is not None:
            return self.wait(s, m, "queue", "debounce", debounce_at=debounce_at)
        if m.worker:
            return self.wait(s, m, "queue", "dispatch_worker")
        if s.queue and s.queue[0].sent.account != m.account:
            return self.wait(s, m, "queue", "other_account")
        first = not s.waiting_of(m.sender)
        message = self.accept(s, m, "run")
        s.put_last(message)
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
        s.rules, s.place = self.rules, m.place
        s.seq += 1
        s.bots += m.is_bot
        if m.owns and m.sender is not None:
            s.participants = [p for p in s.participants if p != m.sender] + [m.sender]
        ttl_ms = s.rules.ttl_ms
        expires_at = None if ttl_ms is None else self.now + ttl_ms
        s.forget_lines(self.now, lambda line: line.sent.home == m.home)
        message = Message(m, s, s.seq, self.now, expires_at, m.text, decision)
        if m.home in self.early:
            message.text = message.amended = self.early.pop(m.home) or ""
        self.homes[m.home] = message
        return message

    def wait(  # noqa: PLR0913
        self, s: Session, m: Incoming, decision: str, reason: str,
        *, in_front: bool = False, debounce_at: int | None = None,
    ) -> Answer:  # fmt: skip
        """Stores a message that does not run now, if the limits let it."""
        first = not s.waiting_of(m.sender)
        full = None if decision == "answer" else self.limit_reached(s, m)
        if full:
            return self.refuse(s, full)
        message = self.accept(s, m, decision)
        message.open_until = s.open_until(m, self.now)
        if decision == "interrupt":
            s.ask_to_stop("message", m, self.now)
        if decision in ("steer", "answer") and s.run:
            message.offered_to = s.run.number
        if decision == "answer" and s.run and s.run.prompt:
            message.answered = s.run.prompt.id
        s.debounce_at = debounce_at or s.debounce_at
        if in_front:
            s.put_first(message)
        else:
            s.put_last(message)
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
        batch = s.choose_batch(self.now)
        s.queue = [m for m in s.queue if m not in batch]
        owners = list(dict.fromkeys(m.sent.sender for m in batch if m.sent.owns and m.sent.sender))
        back_from = next((m.runs[-1] for m in batch if m.runs), None)
        run = s.run = Run(
            self.draw(), consumer, s.id, batch, owners, self.now,
            lease_at=self.now + s.rules.lease_ms, max_at=self.now + s.rules.max_run_ms,
            told=len(s.omitted), context=s.fresh_lines(self.now), back_from=back_from,
            posts=[] if back_from is None else [*self.ends[back_from].posts],
        )  # fmt: skip
        self.run_keys[run.number] = s.key
        for m in batch:
            m.state, m.reason, m.offered_to = "in_run", "", None
            m.runs.append(run.number)
        s.debounce_at = None
        return run
