"""Operators: what they do to sessions, waiting messages and dead letters."""

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from tests.model.machine import PICKS, session_path
from tests.model.run_rules import RunRules

VERBS = ("interrupt", "release", "reset", "pause", "resume", "delete")


class OperatorRules(RunRules):
    """What people do who look after the service."""

    @precondition(lambda self: self.model.sessions)
    @rule(
        verb=st.sampled_from(VERBS),
        pick=PICKS,
        saw=st.sampled_from(["nothing", "nothing", "this", "past"]),
        is_answer_lost=st.sampled_from([False, False, True]),
    )
    def an_operator_acts(self, verb: str, pick: int, saw: str, *, is_answer_lost: bool) -> None:
        session = self.pick_session(pick)
        key, run, generation = session.key, session.run, session.id
        of_key = [n for n, k in self.model.run_keys.items() if k == key]
        seen_run = None
        if saw == "this" and run is not None:
            seen_run = run.number
        if saw == "past" and of_key:
            seen_run = of_key[0]
        seen_id = generation if saw == "this" else None
        self.operate(verb, key, seen_run, seen_id)
        if is_answer_lost:
            self.operate(verb, key, seen_run, seen_id)

    def operate(self, verb: str, key: str, run: int | None, generation: int | None) -> None:
        body = {
            "run_id": None if run is None else self.names.of[run],
            "session_id": None if generation is None else self.names.of[generation],
        }
        if verb == "delete":
            actual = self.service.call("DELETE", session_path(key), body)
        else:
            actual = self.post(session_path(key, f"/{verb}"), body)
        self.compare(self.model.operate(verb, key, run=run, id=generation), actual)
        self.touched.add(key)

    @precondition(lambda self: self.active_runs())
    @rule(pick=PICKS, ends=st.booleans())
    def somebody_takes_over_a_session_that_runs(self, pick: int, *, ends: bool) -> None:
        number = self.pick_run("active", pick)
        self.operate("pause", self.model.run_keys[number], None, None)
        if ends:
            self.end(number, "completed", [], wants=True)

    @precondition(lambda self: any(s.paused for s in self.model.sessions.values()))
    @rule(pick=PICKS)
    def an_operator_resumes(self, pick: int) -> None:
        paused = [key for key, s in self.model.sessions.items() if s.paused]
        self.operate("resume", paused[pick % len(paused)], None, None)

    @precondition(lambda self: self.model.sessions)
    @rule(pick=PICKS, which=PICKS)
    def an_operator_removes_a_message(self, pick: int, which: int) -> None:
        session = self.pick_session(pick)
        known = [m.seq for m in session.queue] or [m.seq for m in self.messages()]
        seq = known[which % len(known)] if known else 1
        actual = self.service.call("DELETE", session_path(session.key, f"/queue/{seq}"))
        self.compare(self.model.remove(session.key, seq), actual)
        self.touched.add(session.key)

    @precondition(lambda self: self.model.letters())
    @rule(
        pick=PICKS, verb=st.sampled_from(["redrive", "redrive", "discard"]), is_lost=st.booleans()
    )
    def an_operator_takes_up_a_dead_letter(self, pick: int, verb: str, *, is_lost: bool) -> None:
        page = self.get("/v1/dead-letters")["dead_letters"]
        letters = self.model.letters()
        shown = [(m["message"]["message_id"], m["session_key"]) for m in page]
        assert sorted(shown) == sorted((m.id, m.session.key) for m in letters)
        letter = page[pick % len(page)]
        (message,) = (m for m in letters if m.id == letter["message"]["message_id"])
        path = f"/v1/dead-letters/{letter['id']}"
        method, path = ("POST", f"{path}/redrive") if verb == "redrive" else ("DELETE", path)
        assert self.service.call(method, path) == {"changed": True}
        if is_lost:
            assert self.service.call(method, path) == {"changed": False}
        getattr(self.model, verb)(message)
        self.touched.add(message.session.key)
