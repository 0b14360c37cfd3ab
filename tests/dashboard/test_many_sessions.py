"""Very many sessions: the list asks for pages, and the browser holds a window of rows.

`SESSION_ROUTER_MANY_SESSIONS` says how many, 5,000 in short and 100,000 in the long form.
"""

import asyncio
import os
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Page, expect

from bench.seeding import seed
from tests.dashboard.conftest import Visit, Visitor
from tests.dashboard.gateway import Gateway

MANY = int(os.environ.get("SESSION_ROUTER_MANY_SESSIONS", "5000"))
PAGE = 200
PAGES = 15
ROWS_MAX = 80  # what fits the window, and what is kept ready above and below
NODES_MAX = 2500


@pytest.fixture
def many(store_url: str, service: Gateway) -> Gateway:
    """Give a service with very many sessions, each with a run."""
    policy = {"defaults": {"isolation": "shared", "lease_seconds": 3600}}
    # The browser's own loop runs in this thread.
    with ThreadPoolExecutor(1) as another:
        another.submit(asyncio.run, seed(store_url, policy, MANY)).result()
    return service


def asked_pages(visitor: Visitor) -> list[dict[str, list[str]]]:
    asked: list[dict[str, list[str]]] = []

    def note(url: str) -> None:
        parts = urlsplit(url)
        if parts.path == "/v1/sessions":
            asked.append(parse_qs(parts.query))

    visitor.page.on("request", lambda request: note(request.url))
    return asked


def rows(page: Page) -> int:
    return page.locator(".wl-rows > *").count()


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_very_many_sessions_are_a_window_of_rows_and_one_of_them_is_found(
    many: Gateway, visit: Visit
) -> None:
    visitor = visit(many.url)
    asked = asked_pages(visitor)
    page = visitor.open("sessions")
    expect(page.locator(".tab", has_text="running")).to_contain_text(f"{MANY:,}")
    expect(page.get_by_role("table", name="Sessions")).to_have_attribute("aria-rowcount", "-1")
    expect(page.locator(".list-count")).to_contain_text("200 sessions so far")

    page.locator(".wl-rows a").first.focus()
    for number in range(1, PAGES):
        page.keyboard.press("End")
        expect(page.locator(".list-count")).to_contain_text(f"{(number + 1) * PAGE:,} sessions")
        assert rows(page) <= ROWS_MAX
        assert page.evaluate("document.getElementsByTagName('*').length") <= NODES_MAX
    assert {query["limit"][0] for query in asked} == {str(PAGE)}
    assert len({query.get("cursor", [""])[0] for query in asked}) == PAGES

    last = page.locator(":focus")
    expect(last).to_contain_text(f"chat-{(PAGES - 1) * PAGE - 1:07}")
    page.keyboard.press("Home")
    expect(page.locator(":focus")).to_contain_text("chat-0000000")
    assert rows(page) <= ROWS_MAX

    page.get_by_label("Search in keys").fill(f"chat-{MANY - 2:07}")
    page.keyboard.press("Enter")
    link = page.get_by_role("table", name="Sessions").get_by_role("link")
    expect(link).to_have_count(1)
    expect(page.locator(".list-count")).to_have_text("1 session, all of them")
    link.click()
    expect(page.locator(".verdict")).to_contain_text("has run this session")
