"""Small parts of the page, each asked by itself in the browser."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import pytest
from playwright.sync_api import Browser, Page, Route

from app.api.pages import PAGES
from app.store import scripts as store_scripts
from session_router.models import DecisionWord, Ended, Outcome, Reason

ROOT = PAGES["/dashboard"]
LUA = Path(store_scripts.__file__).parent / "lua"

ORIGIN = "http://127.0.0.1:9"  # nobody is asked: the files are given from here


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """Give an empty page that can import the modules."""
    page = browser.new_page()
    page.route(f"{ORIGIN}/**", send)
    page.goto(f"{ORIGIN}/")
    yield page
    page.close()


def send(route: Route) -> None:
    name = route.request.url.removeprefix(f"{ORIGIN}/")
    if name:
        route.fulfill(path=ROOT / "js" / name, content_type="text/javascript")
    else:
        route.fulfill(body="<!doctype html>", content_type="text/html")


def ask(page: Page, module: str, expression: str, argument: Any = None) -> Any:
    """What an expression of `m`, the module, and `a`, the argument, gives."""
    program = f"async a => {{ const m = await import('/{module}'); {expression} }}"
    return page.evaluate(program, argument)


def test_events_are_read_however_the_stream_is_cut(page: Page) -> None:
    stream = 'retry: 1000\n\n: hello\n\nevent: a\ndata: {"x": "é: 1"}\n\nevent: b\ndata: {}\n\n'
    taken = "const l = new m.Lines(); return a.flatMap(text => [...l.take(text)])"
    for size in (1, 2, 7, len(stream)):
        pieces = [stream[i : i + size] for i in range(0, len(stream), size)]
        assert ask(page, "feed.js", taken, pieces) == [["a", {"x": "é: 1"}], ["b", {}]]


@pytest.mark.parametrize(
    ("seconds", "told"),
    [
        (-3, "0 s"),
        (0.9, "0 s"),
        (59, "59 s"),
        (60, "1 m 0 s"),
        (3725, "1 h 2 m"),
        (90_000, "1 d 1 h"),
    ],
)
def test_a_span_is_told_in_its_two_largest_units(page: Page, seconds: float, told: str) -> None:
    assert ask(page, "clock.js", "return m.span(a)", seconds) == told


def test_a_clock_that_is_wrong_follows_the_services(page: Page) -> None:
    learned = "m.learnTime(new Date(Date.now() + a).toUTCString()); return m.now_ms() - Date.now()"
    assert ask(page, "clock.js", learned, 600) == 0
    assert abs(ask(page, "clock.js", learned, 3_600_000) - 3_600_000) < 2000


@pytest.mark.parametrize(
    ("key", "parts"),
    [
        (
            "agent:main:discord:group:123:456",
            [["agent", "main"], ["", "discord"], ["group", "123"], ["user", "456"]],
        ),
        (
            "agent:a:slack:account:bot:thread:scope:T1:C1:thread:1.2",
            [
                ["agent", "a"],
                *(["", "slack"], ["account", "bot"], ["scope", "T1"]),
                *(["chat", "C1"], ["thread", "1.2"]),
            ],
        ),
        (
            "agent:main:matrix:group:%21a%3Ab",
            [["agent", "main"], ["", "matrix"], ["group", "!a:b"]],
        ),
        ("agent:main:person:alice", [["agent", "main"], ["person", "alice"]]),
        ("agent:main:main", [["agent", "main"], ["", "main"]]),
        ("no key", [["", "no key"]]),
    ],
)
def test_a_key_is_read_into_its_parts(page: Page, key: str, parts: list[list[str]]) -> None:
    assert ask(page, "keys.js", "return m.partsOf(a)", key) == parts


def test_every_word_of_a_timeline_is_told_in_a_sentence(page: Page) -> None:
    scripts = "".join(path.read_text("utf-8") for path in LUA.rglob("*.lua"))
    noted = set(re.findall(r"note\('(\w+)'", scripts))
    events = sorted(noted | set(get_args(DecisionWord)) - {"duplicate"})
    assert len(events) > 20
    assert ask(page, "words.js", "return a.filter(w => m.eventIn(w) === w)", events) == []
    reasons = [*get_args(Reason), *get_args(Ended), *get_args(Outcome)]
    assert ask(page, "words.js", "return a.filter(w => !m.reasonIn(w))", reasons) == []
    kinds = list(get_args(DecisionWord))
    assert sorted(ask(page, "chart.js", "return m.KINDS")) == sorted(kinds)


def test_what_differs_is_told_line_by_line(page: Page) -> None:
    before, after = list("abcdefg"), list("abXdefgh")
    assert ask(page, "diff.js", "return m.changes(...a)", [before, after]) == [
        *([" ", "b"], ["-", "c"], ["+", "X"], [" ", "d"], None),
        *([" ", "g"], ["+", "h"]),
    ]
    assert ask(page, "diff.js", "return m.changes(...a)", [before, before]) == []


def test_what_is_alike_stays_when_a_list_is_shown_anew(page: Page) -> None:
    shown = """
        const list = document.createElement('ul');
        const rows = keys => keys.map(key => m.h('li', { 'data-key': key }, key));
        m.show(list, rows(a[0]));
        const before = new Map([...list.children].map(row => [row.dataset.key, row]));
        m.show(list, rows(a[1]));
        const kept = [...list.children].filter(row => before.get(row.dataset.key) === row);
        return [list.textContent, kept.map(row => row.dataset.key).join('')];
    """
    for old, new, kept in (
        ("abcd", "bcd", "bcd"),
        ("abc", "cxab", "cab"),
        ("", "ab", ""),
        ("ab", "", ""),
    ):
        assert ask(page, "dom.js", shown, [list(old), list(new)]) == [new, kept]


# What stands around an input of its own, drawn twice: `i` is the input.
AROUND_AN_INPUT = {
    "the same": ("[m.h('p', null, 1), m.h('div', null, i)]",) * 2,
    "deeper, the same": ("m.h('div', null, m.h('div', null, m.h('p', null, 1), i))",) * 2,
    "less before it": ("[m.h('p'), m.h('b'), i]", "[i, m.h('b')]"),
    "more before it": ("[i]", "[m.h('p'), m.h('b'), i]"),
    "less before it, deeper": ("m.h('div', null, m.h('p'), i)", "m.h('div', null, i)"),
}


@pytest.mark.parametrize(("before", "after"), AROUND_AN_INPUT.values(), ids=AROUND_AN_INPUT)
def test_who_types_keeps_the_focus_when_the_page_is_drawn_anew(
    page: Page, before: str, after: str
) -> None:
    drawn = f"""
        const i = Object.assign(m.h('input'), {{ own: true }});
        m.show(document.body, {before});
        i.focus();
        m.show(document.body, {after});
        return [document.activeElement === i, document.body.innerHTML];
    """
    fresh = f"""
        const i = m.h('input');
        m.show(document.body, {after});
        return document.body.innerHTML;
    """
    has_focus, shown = ask(page, "dom.js", drawn)
    assert has_focus
    page.reload()
    assert ask(page, "dom.js", fresh) == shown


def test_what_keeps_itself_goes_along_when_what_held_it_is_replaced(page: Page) -> None:
    moved = """
        const i = Object.assign(m.h('input'), { own: true });
        m.show(document.body, m.h('div', null, m.h('p', null, i)));
        m.show(document.body, m.h('section', null, m.h('p', null, i), 'end'));
        return document.body.innerHTML;
    """
    assert ask(page, "dom.js", moved) == "<section><p><input></p>end</section>"


def test_decisions_are_counted_by_kind_and_forgotten(page: Page) -> None:
    counted = """
        const d = new m.Decisions();
        d.add('run', 0); d.add('run', 1999); d.add('queue', 1000); d.add('run', 2000);
        const bars = d.bars(2500);
        d.add('run', 10_000_000);
        return [bars.slice(-2), bars.length, d.buckets.size];
    """
    assert ask(page, "chart.js", counted) == [[{"run": 2, "queue": 1}, {"run": 1}], 60, 1]
