"""The page for everybody: with a screen reader, by keyboard, on a phone, in the dark."""

import pytest
from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]
from playwright.sync_api import Page, expect

from tests.dashboard.conftest import DESKTOP, PHONE, Visit
from tests.dashboard.gateway import Gateway
from tests.dashboard.scene import ROOM, play_an_evening

VIEWS = ("", "sessions", f"sessions/{ROOM}", "dead-letters", "policy", "actions")
SERIOUS = {"serious", "critical"}


@pytest.fixture
def evening(service: Gateway) -> Gateway:
    """Give a service that has something to show in every view."""
    play_an_evening(service)
    return service


def assert_accessible(page: Page) -> None:
    """Hold the page against axe-core's rules."""
    violations = Axe().run(page).response["violations"]
    told = [
        (one["id"], [node["html"] for node in one["nodes"]])
        for one in violations
        if one["impact"] in SERIOUS
    ]
    assert told == []


@pytest.mark.timeout(180)
@pytest.mark.parametrize(
    ("scheme", "size"),
    [("light", DESKTOP), ("dark", DESKTOP), ("light", PHONE)],
    ids=["light", "dark", "phone"],
)
def test_an_accessibility_checker_finds_nothing_serious_in_any_view(
    evening: Gateway, visit: Visit, scheme: str, size: tuple[int, int]
) -> None:
    visitor = visit(evening.url, scheme=scheme, size=size)
    for view in VIEWS:
        page = visitor.open(view)
        expect(page.locator(".live")).to_have_text("Live")
        expect(page.locator("main")).not_to_contain_text("Looking…")
        assert_accessible(page)
    page.goto(f"{evening.url}/dashboard#/sessions/{ROOM}")
    page.get_by_role("button", name="Show texts").first.click()
    expect(page.locator(".message-text").first).to_be_visible()
    page.get_by_role("button", name="Force release").click()
    assert_accessible(page)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_an_accessibility_checker_finds_nothing_serious_at_the_door(
    guarded: Gateway, visit: Visit, scheme: str
) -> None:
    assert_accessible(visit(guarded.url, scheme=scheme).open())
    page = visit(guarded.url, "viewer", scheme=scheme).open("policy")
    expect(page.locator("main")).not_to_contain_text("Looking…")
    assert_accessible(page)


def test_the_checker_would_tell(service: Gateway, visit: Visit) -> None:
    page = visit(service.url).open()
    page.evaluate("document.body.append(document.createElement('button'))")
    with pytest.raises(AssertionError, match="button-name"):
        assert_accessible(page)


def test_every_view_fits_a_phone(evening: Gateway, visit: Visit) -> None:
    visitor = visit(evening.url, size=PHONE)
    for view in VIEWS:
        page = visitor.open(view)
        expect(page.locator("main")).not_to_contain_text("Looking…")
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), view
    page.get_by_role("link", name="Overview").tap()
    expect(page.get_by_role("heading", level=1)).to_have_text("Overview")


def test_a_session_is_released_with_the_keyboard_alone(evening: Gateway, visit: Visit) -> None:
    page = visit(evening.url).open()
    page.keyboard.press("Tab")
    reach(page, "link", "Sessions")
    page.keyboard.press("Enter")
    heading = page.get_by_role("heading", level=1)
    expect(heading).to_have_text("Sessions")
    expect(heading).to_be_focused()

    reach(page, "link", "running")
    page.keyboard.press("Enter")
    expect(page.get_by_role("table", name="Sessions").get_by_role("link")).to_have_count(3)
    reach(page, "link", "discord", tabs_max=40)
    page.keyboard.press("End")
    page.keyboard.press("Home")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowUp")
    page.keyboard.press("Enter")
    expect(heading).to_contain_text("room")

    reach(page, "button", "Force release")
    page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog", name="Force release?")
    expect(dialog.get_by_role("button", name="Cancel")).to_be_focused()
    page.keyboard.press("Tab")
    expect(dialog.get_by_role("button", name="Force release")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("status").get_by_text("The lease has been taken")).to_be_visible()


def reach(page: Page, role: str, name: str, tabs_max: int = 30) -> None:
    """Press Tab until this has the focus."""
    for _ in range(tabs_max):
        page.keyboard.press("Tab")
        focused = page.locator(":focus")
        if focused.and_(page.get_by_role(role, name=name)).count():  # type: ignore[arg-type]
            return
    pytest.fail(f"{role} {name} is not reached")


def test_what_is_live_does_not_take_the_focus_away(evening: Gateway, visit: Visit) -> None:
    page = visit(evening.url).open(f"sessions/{ROOM}")
    button = page.get_by_role("button", name="Pause")
    button.focus()
    evening.send("late", "erin", text="one more")
    expect(page.get_by_role("region", name="Queue")).to_contain_text("Erin")
    expect(button).to_be_focused()


def test_the_first_tab_leads_past_the_bar(evening: Gateway, visit: Visit) -> None:
    page = visit(evening.url).open()
    page.locator("body").press("Shift+Tab")
    page.get_by_role("link", name="Skip to content").press("Enter")
    expect(page.locator("main")).to_be_focused()
    expect(page.get_by_role("heading", level=1)).to_have_text("Overview")
