"""What hostile people write is shown as text, wherever the page shows it."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.dashboard.conftest import Visit, Visitor
from tests.dashboard.gateway import Gateway

MARKUP = "<img src=x onerror=alert(1)><script>alert(2)</script><b>bold</b>"
QUOTES = "\"'`><svg onload=alert(3)>{{7*7}}${7*7}</td></table>javascript:alert(4)"
OVERRIDE = "nobody\u202egro.live\u2066"
VIEWS = ("", "sessions", "dead-letters", "policy", "actions")


@pytest.fixture
def hostile(service: Gateway) -> Gateway:
    """Give a service in which every name, text, id and key is hostile."""
    policy = {
        "defaults": {"isolation": "shared", "lease_seconds": 3600, "max_deliveries": 1},
        "rules": [{"name": MARKUP, "match": {"chat_id": MARKUP}, "set": {"drain": "one"}}],
        "identities": {f"alice{QUOTES}".replace(":", ""): ["telegram:1"]},
    }
    service.ask("PUT", "/v1/policy", policy)
    consumer = QUOTES + OVERRIDE
    run = service.run(MARKUP, QUOTES, chat_id=MARKUP, user_name=MARKUP, consumer=consumer)
    service.beat(run, status=MARKUP, usage={"context_tokens": 10, "context_limit": 20})
    service.send(QUOTES, OVERRIDE, chat_id=MARKUP, user_name=OVERRIDE, text=MARKUP + QUOTES)
    dead = service.run(f"{MARKUP}2", MARKUP, chat_id=QUOTES, text=MARKUP, consumer=MARKUP)
    service.end(dead, "failed", reason=MARKUP)
    key = run["session_key"].replace("%", "%25").replace(":", "%3A").replace("/", "%2F")
    service.ask("POST", f"/v1/sessions/{key}/pause", {})
    return service


def open_watched(visitor: Visitor, view: str) -> Page:
    page = visitor.open(view)
    page.on("dialog", lambda dialog: pytest.fail(f"a script ran: {dialog.message}"))
    expect(page.locator("main")).not_to_contain_text("Looking…")
    return page


def assert_harmless(page: Page) -> None:
    made = "img, script:not([src^='dashboard/']), iframe, object, embed, base, b > b, td table"
    assert page.locator(made).count() == 0
    assert (
        page.locator("[onerror], [onload], [onclick], [style*='url'], [href^='javascript']").count()
        == 0
    )
    addresses = page.locator("a").evaluate_all("all => all.map(a => a.getAttribute('href'))")
    assert all(address.startswith("#") for address in addresses), addresses


@pytest.mark.parametrize("view", VIEWS)
def test_no_view_turns_data_into_markup(hostile: Gateway, visit: Visit, view: str) -> None:
    page = open_watched(visit(hostile.url), view)
    shown = {"policy": "onerror=alert(1)"}.get(view, "<img src=x onerror=alert(1)>")
    expect(page.locator("main")).to_contain_text(shown)
    assert_harmless(page)


def test_a_session_shows_hostile_words_as_they_are(hostile: Gateway, visit: Visit) -> None:
    page = open_watched(visit(hostile.url), "sessions?state=paused")
    page.get_by_role("table", name="Sessions").get_by_role("link").click()
    expect(page.locator("h1")).to_contain_text(MARKUP)
    page.get_by_role("button", name="Show texts").first.click()
    expect(page.locator(".message-text").last).to_have_text(MARKUP + QUOTES)
    expect(page.get_by_role("region", name="Run", exact=True)).to_contain_text(QUOTES)
    assert_harmless(page)
    page.get_by_role("button", name="Delete session").click()
    expect(page.get_by_role("dialog")).to_contain_text(QUOTES)
    assert_harmless(page)


def test_characters_that_turn_or_hide_text_are_spelled_out(hostile: Gateway, visit: Visit) -> None:
    page = open_watched(visit(hostile.url), "sessions?state=paused")
    page.get_by_role("table", name="Sessions").get_by_role("link").click()
    queue = page.get_by_role("region", name="Queue")
    expect(queue).to_contain_text("nobody⟨202E⟩gro.live⟨2066⟩")
    expect(page.locator(".verdict")).to_contain_text("nobody⟨202E⟩gro.live⟨2066⟩")
    page.get_by_role("button", name="Force release").click()
    expect(page.get_by_role("dialog")).to_contain_text("nobody⟨202E⟩gro.live⟨2066⟩")
    assert not re.search("[\u202a-\u202e\u2066-\u2069]", page.locator("body").inner_text())


def test_a_dead_letter_and_the_form_show_hostile_words_as_they_are(
    hostile: Gateway, visit: Visit
) -> None:
    visitor = visit(hostile.url)
    page = open_watched(visitor, "dead-letters")
    page.get_by_role("button", name="Show texts").click()
    expect(page.locator(".message-text")).to_have_text(MARKUP)
    assert_harmless(page)
    page = open_watched(visitor, "policy")
    page.get_by_label("Platform").fill("discord")
    page.get_by_label("Chat id").fill(MARKUP)
    page.get_by_role("button", name="Resolve").click()
    expect(page.locator(".resolved")).to_contain_text(MARKUP)
    assert_harmless(page)


def test_an_address_made_by_somebody_else_does_nothing(hostile: Gateway, visit: Visit) -> None:
    visitor = visit(hostile.url)
    visitor.watch.expected |= {"404", "422"}
    for view in (f"sessions/{MARKUP}", "sessions/%E0%A4%A", f"sessions?state={MARKUP}", MARKUP):
        page = open_watched(visitor, view)
        assert_harmless(page)


def test_the_browser_itself_refuses_markup_from_a_script(service: Gateway, visit: Visit) -> None:
    visitor = visit(service.url)
    visitor.watch.expected |= {
        "TrustedHTML",
        "trusted types",
        "Trusted",
        "Content Security Policy",
        "Content-Security-Policy",
    }
    page = visitor.open()
    refused = page.evaluate(
        "() => { try { document.body.innerHTML = '<p>'; return false } catch { return true } }"
    )
    assert refused
