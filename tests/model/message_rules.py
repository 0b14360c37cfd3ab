"""Messages and controls: sent, sent again, sent altered, edited, looked up."""

from dataclasses import replace
from typing import Any
from urllib.parse import urlencode

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from tests.model import answers
from tests.model.machine import PICKS
from tests.model.policies import (
    MODES,
    PEOPLE,
    PLACES,
    ROOM,
    body_of,
    incoming,
    source_of,
)
from tests.model.records import Incoming, Message, Place
from tests.model.run_rules import RunRules

CONSUMERS = st.sampled_from(["gw-1", "gw-2"])
TALKERS = st.sampled_from(["alice", "bob"])
RARELY = st.sampled_from([False, False, False, True])


class MessageRules(RunRules):
    """What gateways and their users do."""

    def new(self, place: Place, user: str | None, consumer: str = "gw-1", **more: Any) -> Incoming:
        name = self.new_id()
        return incoming(self.policy, place, user, name, f"text {name}", consumer, **more)

    def send(self, m: Incoming) -> None:
        body = answers.decision(self.post("/v1/messages", body_of(m, self.names.of)))
        self.compare(self.model.admit(m), body)
        self.touched.add(m.key)

    @rule(user=TALKERS, consumer=CONSUMERS)
    def somebody_writes_in_the_room(self, user: str, consumer: str) -> None:
        self.send(self.new(ROOM, user, consumer))

    @rule(
        user=TALKERS, busy=st.sampled_from([None, None, *MODES]), times=st.sampled_from([1, 2, 3])
    )
    def somebody_writes_a_lot(self, user: str, busy: str | None, times: int) -> None:
        other = "bob" if user == "alice" else "alice"
        for number in range(times):
            self.send(self.new(ROOM, other if number % 2 else user, busy="queue"))
        self.send(self.new(ROOM, user, busy=busy))

    @precondition(lambda self: any(len(run.owners) == 1 for run in self.active_runs()))
    @rule(pick=PICKS, busy=st.sampled_from([None, "steer", "steer", "interrupt", "queue"]))
    def the_owner_of_a_run_writes_again(self, pick: int, busy: str | None) -> None:
        runs = [run for run in self.active_runs() if len(run.owners) == 1]
        sent = next(m.sent for m in runs[-1 - pick % len(runs)].batch if m.sent.owns)
        self.send(self.new(sent.place, sent.user, busy=busy))

    @precondition(lambda self: any(len(run.owners) == 1 for run in self.active_runs()))
    @rule(pick=PICKS, other=TALKERS, seen=st.sampled_from(["none", "first", "all"]))
    def a_run_is_steered_while_others_wait(self, pick: int, other: str, seen: str) -> None:
        runs = [run for run in self.active_runs() if len(run.owners) == 1]
        run = runs[-1 - pick % len(runs)]
        sent = next(m.sent for m in run.batch if m.sent.owns)
        self.send(self.new(sent.place, other, busy="queue"))
        self.send(self.new(sent.place, sent.user, busy="steer"))
        self.beat(run.number, seen, is_stale=False)

    @rule(place=st.sampled_from(["dm", "telegram dm"]), consumer=CONSUMERS)
    def alice_writes_in_a_dm(self, place: str, consumer: str) -> None:
        self.send(self.new(PLACES[place], "alice", consumer))

    @rule(
        place=st.sampled_from([*PLACES]),
        user=st.sampled_from(PEOPLE),
        consumer=CONSUMERS,
        kind=st.sampled_from(["user", "user", "internal"]),
        busy=st.sampled_from([None, None, *MODES]),
        worker=RARELY,
        is_answer_lost=RARELY,
    )
    def anybody_writes_anywhere(
        self, place: str, user: str | None, consumer: str, *, is_answer_lost: bool, **more: Any
    ) -> None:
        m = self.new(PLACES[place], user, consumer, **more)
        self.send(m)
        if is_answer_lost:
            self.send(m)

    @precondition(lambda self: self.model.homes)
    @rule(
        pick=PICKS,
        altered=st.sampled_from(["", "", "text", "user", "consumer", "place", "amended"]),
    )
    def a_known_id_comes_again(self, pick: int, altered: str) -> None:
        known = [*self.model.homes.values()][-1 - pick % len(self.model.homes)]
        m = known.sent
        place, user, text, consumer = m.place, m.user, m.text, m.consumer
        match altered:
            case "text":
                text = "another text"
            case "user":
                user = "bob" if user == "alice" else "alice"
            case "consumer":
                consumer = "gw-1" if consumer == "gw-2" else "gw-2"
            case "place" if place.platform == "discord" and place.chat_type != "dm":
                place = replace(place, chat_type="thread", thread="t1")
            case "amended":
                text = known.amended or text
            case _:
                pass
        if m.to is not None:
            self.send(replace(m, text=text, consumer=consumer))
            return
        again = incoming(self.policy, place, user, m.home[1], text, consumer)
        again = replace(again, control=m.control, kind=m.kind, busy=m.busy, worker=m.worker)
        self.send(replace(again, group=m.group, answers=m.answers, reply_to=m.reply_to))

    @precondition(lambda self: self.active_runs())
    @rule(pick=PICKS, consumer=CONSUMERS)
    def what_started_a_run_comes_again(self, pick: int, consumer: str) -> None:
        started = [m for m in self.messages() if m.started is not None]
        if started:
            m = started[-1 - pick % len(started)].sent
            self.send(replace(m, consumer=consumer))

    @rule(
        control=st.sampled_from(["stop", "stop", "reset"]),
        place=st.sampled_from(["room", *PLACES]),
        user=st.sampled_from(PEOPLE),
        is_answer_lost=RARELY,
    )
    def somebody_controls(
        self, control: str, place: str, user: str | None, *, is_answer_lost: bool
    ) -> None:
        m = self.new(PLACES[place], user, control=control)
        self.send(m)
        if is_answer_lost:
            self.send(m)

    @precondition(lambda self: self.model.sessions)
    @rule(pick=PICKS, text=st.sampled_from([None, "edited", "edited again"]), known=PICKS)
    def a_message_is_amended(self, pick: int, text: str | None, known: int) -> None:
        queue = self.pick_session(pick).queue or self.messages()
        if not queue:
            return
        self.amend(queue[-1 - known % len(queue)], text)

    def amend(self, m: Message, text: str | None) -> None:
        if m.sent.to is not None and m.sent.chat is None:
            return
        change = {"delete": True} if text is None else {"text": text}
        body = {"source": source_of(m.sent.place), "message_id": m.id, **change}
        actual = self.post("/v1/messages/amend", body)
        self.compare({"result": self.model.amend(m.sent.home, text)}, actual)
        self.touched.add(m.session.key)

    def look_up(self, m: Message) -> None:
        if m.sent.to is not None and m.sent.chat is None:
            return  # of a session that spans chats: its home is no chat that could be asked for
        place = m.sent.place
        query = {
            "platform": place.platform,
            "account": place.account,
            "chat_id": place.chat_id,
            "message_id": m.id,
        }
        found = self.get(f"/v1/messages?{urlencode(query)}")
        expected = (m.state, m.reason or None, m.decision, m.session.key)
        actual = tuple(found[name] for name in ("state", "reason", "decision", "session_key"))
        self.compare(expected, actual)

    def teardown(self) -> None:
        super().teardown()
        if hasattr(self, "model"):
            for m in self.messages():
                self.look_up(m)
