"""Bursts, overheard lines, jobs that report to a session, and what comes out of time."""

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from tests.model.machine import PICKS
from tests.model.message_rules import CONSUMERS, TALKERS, MessageRules
from tests.model.policies import PEOPLE, PLACES, ROOM, incoming, job, source_of
from tests.model.records import Message
from tests.model.run_rules import RARELY

BURSTS = st.sampled_from(["album", "album", "forwarded"])


class GatheringRules(MessageRules):
    """What gateways send beside one message after the other."""

    @rule(
        user=TALKERS, group=BURSTS, parts=st.integers(1, 3), is_mixed=RARELY, is_threaded=RARELY,
        consumer=CONSUMERS,
    )  # fmt: skip
    def somebody_sends_a_burst(  # noqa: PLR0913
        self, user: str, group: str, parts: int, consumer: str, *, is_mixed: bool, is_threaded: bool
    ) -> None:
        place = PLACES["thread"] if is_threaded else ROOM
        for number in range(parts):
            if is_mixed and number:
                self.send(self.new(ROOM, "bob" if user == "alice" else "alice", group=group))
            self.send(self.new(place, user, consumer, group=group))

    @precondition(lambda self: self.parts())
    @rule(pick=PICKS, busy=st.sampled_from([None, None, "queue", "steer"]), is_late=st.booleans())
    def another_part_comes(self, pick: int, busy: str | None, *, is_late: bool) -> None:
        parts = self.parts()
        m = parts[-1 - pick % len(parts)].sent
        if is_late:
            self.pass_time(self.model.now + 1000)
        self.send(self.new(m.place, m.user, group=m.group, busy=busy))

    def parts(self) -> list[Message]:
        return [m for m in self.messages() if m.sent.group and m.state in ("waiting", "in_run")]

    @precondition(lambda self: any(s.head_open_until for s in self.model.sessions.values()))
    @rule(is_swept=st.booleans())
    def a_burst_is_over(self, *, is_swept: bool) -> None:
        over_at = max(s.head_open_until for s in self.model.sessions.values())
        self.pass_time(max(self.model.now, over_at))
        if is_swept:
            self.sweep()

    @rule(place=st.sampled_from(["room", *PLACES]), user=st.sampled_from(PEOPLE))
    def a_line_is_overheard(self, place: str, user: str | None) -> None:
        self.send(self.new(PLACES[place], user, kind="context"))

    @precondition(lambda self: any(self.model.lines.values()))
    @rule(pick=PICKS, kind=st.sampled_from(["context", "user"]))
    def an_overheard_line_comes_again(self, pick: int, kind: str) -> None:
        lines = [line for lines in self.model.lines.values() for line in lines]
        m = lines[-1 - pick % len(lines)].sent
        if m.to is not None:
            return
        text = "edited" if kind == "context" else m.text
        message_id, consumer = m.home[1], m.consumer
        self.send(incoming(self.policy, m.place, m.user, message_id, text, consumer, kind=kind))

    @precondition(lambda self: self.model.sessions)
    @rule(
        pick=PICKS,
        kind=st.sampled_from(["internal", "internal", "context"]),
        is_changed=RARELY,
        is_answer_lost=RARELY,
    )
    def a_job_reports(
        self, pick: int, kind: str, *, is_changed: bool, is_answer_lost: bool
    ) -> None:
        s = self.pick_session(pick)
        number = s.previous_id if is_changed and s.previous_id else s.id
        if number not in self.names.of:
            return
        m = job(s, number, self.new_id(), kind=kind)
        for _ in range(2 if is_answer_lost else 1):
            self.send(m)

    @rule(user=TALKERS, late_ms=st.sampled_from([0, 1]), control=st.sampled_from([None, "stop"]))
    def a_message_comes_a_day_late(self, user: str, late_ms: int, control: str | None) -> None:
        sent_at = self.model.now - self.model.rules.dedupe_ms + late_ms
        self.send(self.new(ROOM, user, sent_at=sent_at, control=control))

    @rule(
        user=TALKERS,
        changes=st.lists(st.sampled_from(["edited", "edited again", None]), min_size=1, max_size=2),
        kind=st.sampled_from(["user", "user", "context"]),
        is_answer_lost=st.booleans(),
    )
    def an_edit_overtakes_its_message(
        self, user: str, changes: list[str | None], kind: str, *, is_answer_lost: bool
    ) -> None:
        m = self.new(ROOM, user, kind=kind)
        for text in changes:
            change = {"delete": True} if text is None else {"text": text}
            body = {"source": source_of(ROOM), "message_id": m.home[1], **change}
            actual = self.post("/v1/messages/amend", body)
            self.compare({"result": self.model.amend(m.home, text)}, actual)
        for _ in range(2 if is_answer_lost else 1):
            self.send(m)
