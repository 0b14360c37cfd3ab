"""Every example in the documents does what it says, on a real service."""

import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from app.demo.service import running_service
from tests.docs.blocks import CHECKED_LANGUAGES, FREE_LANGUAGES, blocks_of, documents
from tests.docs.shapes import difference
from tests.docs.stage import Stage

POLICY = "version: 1\n"


@pytest.mark.parametrize("document", documents(), ids=lambda path: path.name)
def test_every_example_says_how_it_is_checked(document: Path) -> None:
    for block in blocks_of(document):
        assert block.language in CHECKED_LANGUAGES | FREE_LANGUAGES, str(block)
        assert block.kind or block.language in FREE_LANGUAGES, f"{block}: no check"


@pytest.mark.parametrize("document", documents(), ids=lambda path: path.name)
def test_the_examples_of_a_document_work_as_printed_from_first_to_last(
    document: Path, tmp_path: Path, demo: Callable[[], str]
) -> None:
    blocks = [block for block in blocks_of(document) if block.kind]
    if not blocks:
        return
    assert shutil.which("curl"), "curl is needed: the documents' commands are run as printed"
    (tmp_path / "service").mkdir()
    (tmp_path / "reader").mkdir()
    with running_service(tmp_path / "service", POLICY) as url:
        stage = Stage(tmp_path / "reader", url, demo)
        for block in blocks:
            stage.play(block)


@pytest.mark.parametrize(
    ("shown", "real"),
    [
        ({"a": 1}, {"a": 2}),
        ({"a": 1}, {"a": 1, "b": 2}),
        ({"a": 1, "…": "…"}, {"b": 2}),
        ([1], [1, 2]),
        ([1, 2, "…"], [1]),
        ("2026-11-22T06:30:00.000Z", "today"),
        (1795328956000001, 7),
        ("agent:…", "main"),
        (None, 0),
        (False, None),
    ],
)
def test_a_shown_answer_that_is_not_the_real_one_is_told(shown: object, real: object) -> None:
    assert difference(shown, real)


def test_a_shown_answer_may_be_shortened() -> None:
    shown = {"id": "1795328956000001.0.YWdl", "queue": [1, "…"], "text": "how…", "…": "…"}
    real = {"id": "1795343237586401.0.bWFp", "queue": [1, 2], "text": "how do I?", "state": None}
    assert difference(shown, real) is None


def test_no_document_breaks_a_fence() -> None:
    for document in documents():
        fences = re.findall(r"^```", document.read_text("utf-8"), re.MULTILINE)
        assert len(fences) % 2 == 0, document
