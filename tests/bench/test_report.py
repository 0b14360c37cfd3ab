"""The page on performance says what was measured, and nobody has typed a figure into it."""

import pytest

from bench import report
from bench.figures import Benches, read

# The words by which the lines of the performance targets stand in the table.
TARGETS = (
    "decisions a second, by the standard way's",
    "decisions a second, by the naive way's",
    "decisions a second, by bare uvicorn's",
    "grant and complete together, by the standard way's",
    "at 1,000 a second, p50",
    "at 1,000 a second, p99",
    "`appendfsync everysec`, decisions a second lost",
    "1,000,000 sessions by 1,000",
    "1,000 messages waiting in the session by 1",
    "1,000 rules that name chats by 1",
    "1,000 rules with patterns by 1",
    "1,000 waiting claims by 0",
    "500 open signal streams by 0",
    "idle session with its indexes",
    "waiting message, beyond its body",
    "remembered message id",
)


@pytest.fixture(scope="module")
def benches() -> Benches:
    return read(report.RESULT.read_text("utf-8"))[1]


def test_the_page_says_what_the_result_says() -> None:
    page = report.PAGE.read_text("utf-8")
    told = "\n".join(report.page(*read(report.RESULT.read_text("utf-8"))))
    assert report.with_measured(page, told) == page, "write it anew: python -m bench report"


def test_the_pictures_show_what_the_result_says(benches: Benches) -> None:
    for name, drawn in report.pictures(benches).items():
        assert (report.PICTURES / name).read_text("utf-8") == drawn, name


@pytest.mark.parametrize("target", TARGETS)
def test_every_target_stands_in_the_result_with_its_value(target: str, benches: Benches) -> None:
    found = [
        one
        for figures in benches.values()
        for one in figures
        if one.name.startswith(target) and one.target is not None
    ]
    assert found
    assert all(one.verdict for one in found)


def test_what_is_compared_was_measured_in_at_least_five_rounds(benches: Benches) -> None:
    compared = [one for one in benches["throughput"] if one.rounds]
    assert compared
    assert all(len(one.rounds) >= 5 for one in compared)


def test_only_what_stands_between_the_marks_is_replaced() -> None:
    text = f"before\n{report.BEGIN}\nold\n{report.END}\nafter\n"
    changed = report.with_measured(text, "new")
    assert changed == f"before\n{report.BEGIN}\nnew\n{report.END}\nafter\n"


@pytest.mark.parametrize("mark", [report.BEGIN, report.END])
def test_a_page_that_has_lost_a_mark_is_left_as_it_is(mark: str) -> None:
    text = f"before\n{report.BEGIN}\nold\n{report.END}\nafter\n".replace(mark, "")
    with pytest.raises(AssertionError, match="mark"):
        report.with_measured(text, "new")
