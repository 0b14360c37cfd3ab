"""Holders that ask people, hold, seal and report; people who answer."""

from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from tests.model import answers
from tests.model.machine import PICKS
from tests.model.message_rules import MessageRules
from tests.model.policies import PEOPLE, PLACES
from tests.model.records import Prompt
from tests.model.run_rules import RARELY, SEEN, WHICH

PROMPTS = st.sampled_from(["delete?", "sure?"])
WHO = st.sampled_from(["owners", "owners", "anyone", ("bob", "robot")])
HOW = st.sampled_from(["text", "text", "button", "button", "wrong button", "reply", "other reply"])


class AskingRules(MessageRules):
    """What passes between a run and people while it is active."""

    @precondition(lambda self: self.model.run_keys)
    @rule(
        which=WHICH, pick=PICKS, prompt_id=PROMPTS, who=WHO, has_post=st.booleans(),
        seconds=st.sampled_from([3, 12, 60]), is_answer_lost=RARELY,
    )  # fmt: skip
    def a_run_asks(  # noqa: PLR0913
        self, which: str, pick: int, prompt_id: str, who: Any, seconds: int, *,
        has_post: bool, is_answer_lost: bool,
    ) -> None:  # fmt: skip
        number, now = self.pick_run(which, pick), self.model.now
        post = f"post of {prompt_id}" if has_post else None
        prompt = Prompt(prompt_id, who, post, asked_at=now, until=now + seconds * 1000)
        for _ in range(2 if is_answer_lost else 1):
            self.ask(number, prompt)

    @precondition(lambda self: self.asking_runs())
    @rule(pick=PICKS)
    def a_question_is_withdrawn(self, pick: int) -> None:
        runs = self.asking_runs()
        self.ask(runs[pick % len(runs)], None)

    def asking_runs(self) -> list[int]:
        return [run.number for run in self.active_runs() if run.prompt is not None]

    def ask(self, number: int, prompt: Prompt | None) -> None:
        body: dict[str, Any] = {"fence": self.names.fences[number], "prompt_id": None}
        if prompt is not None:
            lives = (prompt.until - prompt.asked_at) / 1000
            body |= {"prompt_id": prompt.id, "from": prompt.who, "reply_to": prompt.reply_to}
            body |= {"expires_seconds": lives}
        actual = self.post(self.run_path(number, "ask"), body)
        self.compare(self.model.ask(number, number, prompt), answers.asked(actual))
        self.touched.add(self.model.run_keys[number])

    @precondition(lambda self: self.asking_runs())
    @rule(pick=PICKS, how=HOW, user=st.sampled_from(PEOPLE), is_owner=st.booleans(), other=RARELY)
    def somebody_answers(
        self, pick: int, how: str, user: str | None, *, is_owner: bool, other: bool
    ) -> None:
        runs = [run for run in self.active_runs() if run.prompt is not None]
        run = runs[pick % len(runs)]
        sent, prompt = run.batch[0].sent, run.prompt
        assert prompt is not None
        place = PLACES["thread"] if other else sent.place
        kinds: dict[str, dict[str, Any]] = {
            "text": {},
            "button": {"answers": prompt.id},
            "wrong button": {"answers": "gone?"},
            "reply": {"reply_to": prompt.reply_to},
            "other reply": {"reply_to": "another post"},
        }
        self.send(self.new(place, sent.user if is_owner else user, **kinds[how]))

    @precondition(lambda self: self.model.run_keys)
    @rule(which=WHICH, pick=PICKS, seen=SEEN, is_answer_lost=RARELY)
    def a_holder_seals(self, which: str, pick: int, seen: str, *, is_answer_lost: bool) -> None:
        number = self.pick_run(which, pick)
        ids = self.offered(number, seen)
        for _ in range(2 if is_answer_lost else 1):
            self.note_seen(number, ids)
            body = {"fence": self.names.fences[number], "seen": ids}
            actual = self.post(self.run_path(number, "seal"), body)
            self.compare(self.model.seal(number, number, ids), answers.seal(actual))
        self.touched.add(self.model.run_keys[number])

    @precondition(lambda self: self.active_runs())
    @rule(pick=PICKS, hold=st.booleans())
    def a_holder_holds_or_lets_go(self, pick: int, *, hold: bool) -> None:
        self.report(self.pick_run("active", pick), [], hold=hold)

    @precondition(lambda self: self.model.run_keys)
    @rule(which=WHICH, pick=PICKS, posts=st.integers(0, 2), is_answer_lost=RARELY)
    def a_holder_reports(self, which: str, pick: int, posts: int, *, is_answer_lost: bool) -> None:
        number = self.pick_run(which, pick)
        sent = [self.new_id() for _ in range(posts)]
        for _ in range(2 if is_answer_lost else 1):
            self.report(number, [], sent=sent, data={"of": str(number), "posts": posts})
