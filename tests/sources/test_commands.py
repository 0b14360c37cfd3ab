"""The words that speak to the router, and what stands on a button."""

import pytest
from hypothesis import given, strategies as st

from session_router.sources import button
from session_router.sources.buttons import pressed
from session_router.sources.commands import Said, said


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("/stop", Said("/stop", control="stop")),
        ("/STOP now", Said("/STOP now", control="stop")),
        ("/new", Said("/new", control="reset")),
        ("/reset\n", Said("/reset\n", control="reset")),
        ("/queue a  b", Said("a  b", busy="queue")),
        ("/steer\nfaster", Said("faster", busy="steer")),
        ("/queue", Said("/queue", busy="queue")),
        ("<@1> /queue a", Said("a", busy="queue")),
        ("<@1> a", Said("<@1> a")),
    ],
)
def test_a_command_is_the_first_word(text: str, found: Said) -> None:
    assert said(text, "<@1>", "<@!1>") == found


@pytest.mark.parametrize(
    "text",
    ["", " ", "/stopwatch", "/stop!", "stop", " /stop", "please /stop", "<@2> /stop", "<@1>", "//"],
)
def test_anything_else_is_a_text_like_any_other(text: str) -> None:
    assert said(text, "<@1>") == Said(text)


@given(prompt_id=st.text(min_size=1).filter(lambda text: ":" not in text), text=st.text())
def test_a_button_gives_back_its_prompt_and_its_answer(prompt_id: str, text: str) -> None:
    assert pressed(button(prompt_id, text)) == (prompt_id, text)


@pytest.mark.parametrize("prompt_id", ["", "a:b"])
def test_a_prompt_that_a_button_could_not_give_back_is_refused(prompt_id: str) -> None:
    with pytest.raises(ValueError, match="a prompt's id"):
        button(prompt_id, "yes")


@pytest.mark.parametrize("data", ["", "yes", "ask:", "ask:p7", "ask::yes", "page:2"])
def test_other_buttons_answer_nothing(data: str) -> None:
    assert pressed(data) is None
