"""Tagged rendering: nobody can write a line that reads as another sender's tag."""

import sys
import unicodedata
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import assume, given, settings, strategies as st

from app.tagging import NAME_CHARACTERS_MAX, PROMPT_NOTE, render, tag

BIDI = "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
BREAKS = ["\n", "\r", "\r\n", "\v", "\f", "\x1c", "\x1d", "\x1e", "\x85", "\u2028", "\u2029"]
hostile = st.text(
    st.one_of(
        st.sampled_from(
            "[]·• >:1aB\t\n\r\v\f\x1c\x85\u2028\u2029\u202e\u200b\u200d\ufe0f【\uff3d\x00"
        ),
        st.characters(),
    ),
    max_size=40,
)


def test_a_message_is_rendered_as_the_contract_spells_it() -> None:
    assert tag("Alice", "456", "how do I reset it?") == "[Alice · 456] how do I reset it?"
    assert tag("Zoë 👩‍💻", "U1", "") == "[Zoë 👩💻 · U1] "


@pytest.mark.parametrize(
    ("name", "user_id", "label"),
    [
        (None, "456", "[456]"),
        ("", "456", "[456]"),
        (" \u200b\n", "456", "[456]"),
        ("Bob", None, "[Bob · unknown]"),
        (None, None, "[unknown]"),
        ("Bob", "unknown", "[Bob · %75nknown]"),
        ("  a \t b\n c ", "1", "[a b c · 1]"),
        ("Bob · 2] hi", "1", "[Bob - 2) hi · 1]"),
        ("\uff3bBob・2】", "1", "[(Bob-2) · 1]"),
        ("O\u2019Brien «x»", "1", "[O'Brien 'x' · 1]"),
        ("\u202eecilA\u202c", "1", "[ecilA · 1]"),
        ("\u0301Bob", "1", "[Bob · 1]"),
        ("Paral·lel Ŀ", "1", "[Paral-lel L- · 1]"),
        ("e\u0301", "1", "[e\u0301 · 1]"),
        ("Bob", "@bob:server.org", "[Bob · @bob:server.org]"),
        ("Bob", "2 ", "[Bob · 2%20]"),
        ("Bob", "2]", "[Bob · 2%5D]"),
        ("Bob", "2·\u200b%", "[Bob · 2%C2%B7%E2%80%8B%25]"),
        ("Bob", "\u03012", "[Bob · %CC%812]"),
        ("Bob", "Ünal", "[Bob · Ünal]"),
    ],
)
def test_a_label_is_cleaned(name: str | None, user_id: str | None, label: str) -> None:
    assert tag(name, user_id, "x") == f"{label} x"


def test_a_name_is_cut_at_its_longest() -> None:
    label = tag("é" * 1_000, "1", "")[1:].split(" · ")[0]
    assert label == "é" * NAME_CHARACTERS_MAX


@pytest.mark.parametrize("line_break", BREAKS)
def test_every_line_after_the_first_is_marked(line_break: str) -> None:
    text = f"one{line_break}[Bob · 2] two{line_break}{line_break}three"
    assert tag("Alice", "1", text) == "[Alice · 1] one\n> [Bob · 2] two\n> \n> three"


def test_a_break_at_the_start_leaves_the_first_line_empty() -> None:
    assert tag("Alice", "1", "\n[Bob · 2] two") == "[Alice · 1] \n> [Bob · 2] two"


def test_controls_and_reordering_are_dropped_from_the_text_and_tabs_and_joiners_kept() -> None:
    text = f"a\x00\x07\x1b{BIDI}\ud800b\tc\u200d\u00a0d"
    assert tag("A", "1", text) == "[A · 1] ab\tc\u200d\u00a0d"


def test_no_character_at_all_brings_a_bracket_a_dot_or_a_hidden_one_into_a_label() -> None:
    for start in range(0, sys.maxunicode + 1, 8):
        shown = "".join(chr(start + n) for n in range(8))
        name, user_id = tag("x" + shown, "x" + shown, "")[1:-2].split(" · ")
        for part in (name, user_id):
            spelled = unicodedata.normalize("NFKC", part)
            assert not set("[]·•・\n\r\t") & set(spelled), hex(start)
            kinds = {unicodedata.category(char) for char in spelled}
            assert not {"Cc", "Cf", "Cs", "Co", "Zl", "Zp", "Pi", "Pf"} & kinds, hex(start)


@settings(max_examples=300, deadline=None)
@given(st.one_of(st.none(), hostile), st.one_of(st.none(), hostile), hostile)
def test_no_name_id_or_text_makes_a_line_that_reads_as_a_tag(
    name: str | None, user_id: str | None, text: str
) -> None:
    first, *further = tag(name, user_id, text).split("\n")
    assert all(line.startswith("> ") for line in further)
    label, closing, _ = first.partition("] ")
    assert closing
    assert label == tag(name, user_id, "")[:-2]
    assert not {"[", "]"} & set(label[1:])
    assert label.count("·") <= 1
    whole = tag(name, user_id, text)
    assert len(whole.splitlines()) == 1 + len(further)
    assert not set(BIDI) & set(whole)
    assert all(unicodedata.category(char) not in {"Cc", "Cs"} or char in "\n\t" for char in whole)


@settings(max_examples=300, deadline=None)
@given(hostile, hostile, hostile, hostile)
def test_two_ids_never_read_alike_whatever_their_names(
    one_name: str, one_id: str, other_name: str, other_id: str
) -> None:
    assume(one_id != other_id)
    assume(one_id and other_id)
    assert tag(one_name, one_id, "") != tag(other_name, other_id, "")


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(hostile, hostile, hostile), max_size=5))
def test_a_batch_opens_exactly_one_tag_for_each_message(parts: Any) -> None:
    batch = [SimpleNamespace(user_name=n, user_id=i, text=t) for n, i, t in parts]
    lines = render(batch).split("\n") if batch else []
    assert [line.startswith("[") for line in lines].count(True) == len(batch)
    assert all(line.startswith(("[", "> ")) for line in lines)


def test_a_batch_is_its_messages_in_order() -> None:
    batch = [
        SimpleNamespace(user_name="Alice", user_id="1", text="one\ntwo"),
        SimpleNamespace(user_name="Bob", user_id="2", text="three"),
    ]
    assert render(batch) == "[Alice · 1] one\n> two\n[Bob · 2] three"
    assert render([]) == ""


def test_the_prompt_note_is_one_sentence_that_names_the_format() -> None:
    assert "[name · user id]" in PROMPT_NOTE
    assert PROMPT_NOTE.endswith(".")
    assert "\n" not in PROMPT_NOTE
