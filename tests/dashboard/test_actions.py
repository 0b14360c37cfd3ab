"""What an operator may do from the page: asked first, done to what was seen, and told."""

import re
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest
from playwright.sync_api import Page, Route, expect

from tests.dashboard.conftest import Visit
from tests.dashboard.gateway import Gateway, ids
from tests.faults.services import Service

ROOM = "agent:main:discord:group:room"


def act(page: Page, label: str) -> None:
    """Press a button, and agree to what the dialog says."""
    page.get_by_role("button", name=label, exact=True).click()
    dialog = page.get_by_role("dialog", name=f"{label}?")
    dialog.get_by_role("button", name=label).click()
    expect(dialog).to_be_hidden()


class Room(Gateway):
    """A service in whose room a run is active and a message waits."""

    def __init__(self, process: Service) -> None:
        super().__init__(process)
        self.policy(isolation="shared", lease_seconds=3600, max_deliveries=1)
        self.active = self.run("m1", "alice")
        self.send("m2", "bob")


@pytest.fixture
def room(service: Gateway) -> Iterator[Room]:
    """Give a service in whose room a run is active and a message waits."""
    with closing(Room(service.process)) as room:
        yield room


def test_an_interrupt_reaches_the_holder(room: Room, visit: Visit) -> None:
    page = visit(room.url).open(f"sessions/{ROOM}")
    act(page, "Interrupt")
    expect(page.locator(".verdict")).to_contain_text("gw-1 was asked to stop")
    assert room.beat(room.active)["interrupt"]["cause"] == "operator"
    button = page.get_by_role("button", name="Interrupt")
    expect(button).to_have_attribute("aria-disabled", "true")
    expect(button).to_have_attribute("title", "It has been asked to stop already.")


def test_a_paused_session_waits_and_goes_on_when_resumed(room: Room, visit: Visit) -> None:
    page = visit(room.url).open(f"sessions/{ROOM}")
    act(page, "Pause")
    expect(page.locator(".verdict")).to_contain_text("Paused by a person")
    assert room.end(room.active)["next"] is None
    act(page, "Resume")
    expect(page.locator(".verdict")).to_contain_text("nobody claims it")
    assert ids(room.claim()[0]) == ["m2"]


def test_a_reset_starts_a_new_session_id(room: Room, visit: Visit) -> None:
    room.end(room.active, next=False)
    before = room.session(ROOM)["session"]["id"]
    page = visit(room.url).open(f"sessions/{ROOM}")
    act(page, "Reset")
    expect(page.get_by_text("The reset has been asked for.")).to_be_visible()
    assert room.session(ROOM)["session"]["id"] != before


def test_a_waiting_message_is_deleted_and_no_other(room: Room, visit: Visit) -> None:
    room.send("m3", "carol")
    page = visit(room.url).open(f"sessions/{ROOM}")
    page.get_by_role("button", name="Delete message m2").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete message").click()
    expect(page.get_by_text("The message has been deleted.")).to_be_visible()
    assert [m["message_id"] for m in room.session(ROOM)["queue"]] == ["m3"]


def test_a_deleted_session_is_gone(room: Room, visit: Visit) -> None:
    page = visit(room.url).open(f"sessions/{ROOM}")
    act(page, "Delete session")
    expect(page).to_have_url(re.compile("#/sessions$"))
    assert room.http.get(f"/v1/sessions/{ROOM}").status_code == 404
    assert room.is_lost(room.active)


def test_nothing_is_done_by_somebody_who_thinks_better_of_it(room: Room, visit: Visit) -> None:
    page = visit(room.url).open(f"sessions/{ROOM}")
    button = page.get_by_role("button", name="Force release")
    button.click()
    page.get_by_role("dialog").get_by_role("button", name="Cancel").click()
    button.click()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_be_hidden()
    assert not room.is_lost(room.active)


@pytest.mark.parametrize(
    ("label", "said", "waiting"),
    [
        ("Redrive", "The message is back in its session's queue.", ["m1"]),
        ("Delete", "The dead letter has been deleted.", []),
    ],
)
def test_a_dead_letter_is_settled(
    room: Room, visit: Visit, label: str, said: str, waiting: list[str]
) -> None:
    room.end(room.active, "failed", next=False)
    room.end(room.claim()[0])
    page = visit(room.url).open("dead-letters")
    page.get_by_role("button", name=re.compile(f"^{label} .*m1$")).click()
    page.get_by_role("dialog").get_by_role("button", name=label).click()
    expect(page.get_by_text(said)).to_be_visible()
    expect(page.get_by_text("There are none.")).to_be_visible()
    assert [m["message_id"] for m in room.session(ROOM)["queue"]] == waiting


def test_all_that_a_filter_shows_is_acted_on_and_nothing_else(room: Room, visit: Visit) -> None:
    mine = [room.run(f"a{n}", chat_id=f"chat-{n}", platform="telegram") for n in range(3)]
    page = visit(room.url).open("sessions?platform=telegram&state=running")
    page.get_by_text("Act on all shown").click()
    page.get_by_role("button", name="release").click()
    dialog = page.get_by_role("dialog", name="Force release: 3 sessions?")
    expect(dialog).to_contain_text("platform telegram, state running")
    dialog.get_by_role("button", name="Force release 3").click()
    expect(page.get_by_text("3 sessions changed.")).to_be_visible()
    assert all(room.is_lost(run) for run in mine)
    assert not room.is_lost(room.active)


def test_what_has_changed_since_is_left_alone_by_an_action_on_many(
    room: Room, visit: Visit
) -> None:
    page = visit(room.url).open("sessions?state=running")
    page.get_by_text("Act on all shown").click()
    page.get_by_role("button", name="release").click()
    agree = page.get_by_role("dialog").get_by_role("button", name="Force release 1")
    expect(agree).to_be_visible()  # the dialog holds what was seen when it opened
    following = room.end(room.active)["next"]
    agree.click()
    expect(page.get_by_text("1 not changed: no longer as they were seen")).to_be_visible()
    assert not room.is_lost(following)


def test_what_the_store_gave_no_answer_for_is_told_beside_what_is_done(
    room: Room, visit: Visit
) -> None:
    visitor = visit(room.url)
    visitor.watch.expected.add("503")
    [one] = room.ask("GET", "/v1/sessions?state=running")["sessions"]
    many = [one | {"key": f"{ROOM}-{number}"} for number in range(150)]
    parts: list[list[str]] = []

    def act_on_them(route: Route) -> None:
        body: Any = route.request.post_data_json
        keys = [one["key"] for one in body["sessions"]]
        parts.append(keys)
        words = ["changed"] * 98 + ["unchanged", "unavailable"]
        results = [{"key": key, "result": word} for key, word in zip(keys, words, strict=False)]
        if len(parts) == 1:
            route.fulfill(json={"results": results})
        else:
            route.fulfill(status=503, json={"title": "Store unavailable", "detail": "Away."})

    visitor.page.route(
        "**/v1/sessions?**", lambda route: route.fulfill(json={"sessions": many, "cursor": None})
    )
    visitor.page.route("**/v1/sessions/actions", act_on_them)
    page = visitor.open("sessions?state=running")
    page.get_by_text("Act on all shown").click()
    page.get_by_role("button", name="pause").click()
    page.get_by_role("dialog").get_by_role("button", name="Pause 150").click()
    notice = page.locator("#notices")
    expect(notice).to_contain_text("98 sessions changed, 1 not changed")
    expect(notice).to_contain_text("51 without an answer: look again, some may be done.")
    assert [len(part) for part in parts] == [100, 50], "each is asked once"


def test_an_act_that_no_answer_came_to_is_told_to_be_in_doubt_and_is_not_repeated(
    room: Room, visit: Visit
) -> None:
    visitor = visit(room.url)
    visitor.watch.expected.add("ERR_FAILED")
    asked: list[Any] = []

    def lose(route: Route) -> None:
        asked.append(route.request.post_data_json)
        route.fetch()
        route.abort()

    visitor.page.route("**/release", lose)
    page = visitor.open(f"sessions/{ROOM}")
    act(page, "Force release")
    expect(page.locator("#notices")).to_contain_text("it may have been done. Look before")
    assert asked == [{"run_id": room.active["id"], "session_id": room.active["session_id"]}]
    assert room.is_lost(room.active)
