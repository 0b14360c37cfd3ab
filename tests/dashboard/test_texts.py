"""What people wrote: not even sent to the page until somebody asks for it."""

import pytest
from playwright.sync_api import Response, expect

from tests.dashboard.conftest import Visit
from tests.dashboard.gateway import Gateway

ROOM = "agent:main:discord:group:room"
SECRET = "the door code is 4711"


def fill(gateway: Gateway) -> None:
    gateway.policy(isolation="shared", lease_seconds=3600)
    gateway.run("m1", "alice", text="nothing to hide")
    gateway.send("m2", "bob", text=SECRET)


def test_texts_are_withheld_until_they_are_asked_for(service: Gateway, visit: Visit) -> None:
    fill(service)
    visitor = visit(service.url)
    answers: list[Response] = []
    visitor.page.on(
        "response", lambda answer: answers.append(answer) if "v1/s" in answer.url else None
    )
    page = visitor.open(f"sessions/{ROOM}")
    queue = page.get_by_role("region", name="Queue")
    expect(queue).to_contain_text("m2")
    assert answers
    assert not any(SECRET in answer.text() for answer in answers)

    queue.get_by_role("button", name="Show the text of message m2").click()
    expect(queue).to_contain_text(SECRET)
    expect(page.locator("main")).not_to_contain_text("nothing to hide")
    queue.get_by_role("button", name="Show texts").click()
    expect(page.locator("main")).to_contain_text("nothing to hide")
    queue.get_by_role("button", name="Hide texts").click()
    expect(page.locator("main")).not_to_contain_text(SECRET)


def test_a_setting_hides_texts_for_good(
    monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest, visit: Visit
) -> None:
    monkeypatch.setenv("SESSION_ROUTER_HIDE_TEXTS", "true")
    service: Gateway = request.getfixturevalue("service")
    fill(service)
    page = visit(service.url).open(f"sessions/{ROOM}")
    expect(page.get_by_role("region", name="Queue")).to_contain_text("hidden by a setting")
    expect(page.get_by_role("button", name="Show text")).to_have_count(0)
