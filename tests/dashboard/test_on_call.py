"""Somebody is on call: a stuck session is found, explained, released, and its queue runs."""

import re

from playwright.sync_api import expect

from tests.dashboard.conftest import Visit
from tests.dashboard.gateway import Gateway, ids

ROOM = "agent:main:discord:group:room"


def test_a_stuck_session_is_found_explained_and_released_and_its_queue_runs(
    guarded: Gateway, visit: Visit
) -> None:
    guarded.policy(isolation="shared", lease_seconds=3600)
    stuck = guarded.run("m1", "alice")
    guarded.beat(stuck, status="calling the weather tool")
    guarded.send("m2", "bob", text="is anybody there?")
    guarded.end(guarded.run("other", chat_id="busy"))

    page = visit(guarded.url, "operator").open()
    page.get_by_role("region", name="Longest waits").get_by_role("link", name="room").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("room")
    expect(page.locator(".verdict")).to_contain_text("gw-1 has run this session for")
    expect(page.locator(".verdict")).to_contain_text("1 message waits behind it")
    expect(page.get_by_role("region", name="Run", exact=True)).to_contain_text(
        "calling the weather tool"
    )
    timeline = page.get_by_role("region", name="Timeline")
    expect(timeline).to_contain_text("Run granted · operator/gw-1")
    expect(timeline).to_contain_text("bob · message m2: somebody else's run is active")

    page.get_by_role("button", name="Force release").click()
    dialog = page.get_by_role("dialog", name="Force release?")
    expect(dialog).to_contain_text("The lease is taken from gw-1 at once.")
    expect(dialog).to_contain_text("Its batch of 1 message returns to the front of the queue")
    expect(dialog).to_contain_text(stuck["id"])
    dialog.get_by_role("button", name="Force release").click()

    expect(page.get_by_text("The lease has been taken")).to_be_visible()
    expect(timeline).to_contain_text("Lease taken by an operator · operator")
    assert guarded.is_lost(stuck)
    [run] = guarded.claim()
    assert ids(run) == ["m1", "m2"]
    expect(page.get_by_role("region", name="Run", exact=True)).to_contain_text("worker-1")
    guarded.end(run)
    expect(page.locator(".verdict")).to_contain_text("Nothing runs and nothing waits.")

    page.get_by_role("link", name="Actions").click()
    row = page.get_by_role("row").filter(has_text="release")
    expect(row).not_to_contain_text("nothing changed")
    expect(row).to_contain_text(re.compile("operator.*release.*room", re.DOTALL))


def test_what_is_released_is_the_run_that_was_seen(service: Gateway, visit: Visit) -> None:
    service.policy(isolation="shared", lease_seconds=3600)
    seen = service.run("m1", "alice")
    service.send("m2", "bob")
    page = visit(service.url).open(f"sessions/{ROOM}")
    page.get_by_role("button", name="Force release").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text(seen["id"])

    following = service.end(seen)["next"]
    dialog.get_by_role("button", name="Force release").click()

    expect(page.get_by_text("Nothing was changed")).to_be_visible()
    assert not service.is_lost(following), "another run than the one that was seen"
    page.get_by_role("link", name="Actions").click()
    row = page.get_by_role("row").filter(has_text="release")
    expect(row).to_contain_text(re.compile("no token.*release nothing changed", re.DOTALL))
    page.get_by_role("link", name="put_policy").first.click()
    expect(page.get_by_role("row").filter(has_text="release")).to_have_count(0)
    expect(page.locator("main")).to_contain_text("Only what was done with put_policy")


def test_a_run_that_asks_says_what_and_for_how_long_until_it_asks_no_more(
    service: Gateway, visit: Visit
) -> None:
    service.policy(isolation="shared", lease_seconds=3600)
    run = service.run("m1", "alice")
    ask = f"/v1/runs/{run['id']}/ask"
    question = {"fence": run["fence"], "prompt_id": "delete-3-files", "expires_seconds": 7200}
    service.ask("POST", ask, question)

    page = visit(service.url).open(f"sessions/{ROOM}")
    verdict, details = page.locator(".verdict"), page.get_by_role("region", name="Run", exact=True)
    expect(verdict).to_contain_text("gw-1 has asked a question and waits for its answer")
    expect(verdict).to_contain_text(re.compile(r"for another 1 h \d+ m\. Nothing waits behind it"))
    expect(details).to_contain_text(re.compile(r"Asks\s*delete-3-files, for another 1 h \d+ m"))

    service.ask("POST", ask, {"fence": run["fence"], "prompt_id": None})
    expect(verdict).to_contain_text("gw-1 has run this session for")
    expect(details).not_to_contain_text("Asks")


def test_a_run_that_is_held_says_so_and_why_others_wait_until_it_is_not(
    service: Gateway, visit: Visit
) -> None:
    service.policy(isolation="shared", lease_seconds=3600)
    run = service.run("m1", "alice")
    service.beat(run, hold=True)
    assert service.send("m2", "alice")["reason"] == "run_held"

    page = visit(service.url).open(f"sessions/{ROOM}")
    details = page.get_by_role("region", name="Run", exact=True)
    expect(details).to_contain_text("Heldyes: it holds off interrupts and steers")
    expect(page.locator(".verdict")).to_contain_text("It is held: nothing may interrupt or steer")
    timeline = page.get_by_role("region", name="Timeline")
    expect(timeline).to_contain_text("alice · message m2: the run holds off interruptions")

    service.beat(run, hold=False)
    expect(details).not_to_contain_text("Held")
    expect(page.locator(".verdict")).not_to_contain_text("It is held")


def test_an_overview_follows_what_happens_without_being_asked(
    service: Gateway, visit: Visit
) -> None:
    service.policy(isolation="shared", lease_seconds=3600)
    page = visit(service.url).open()
    expect(page.locator(".live")).to_have_text("Live")
    tile = page.locator(".tile", has_text="running")
    expect(tile).to_contain_text("0")

    service.run("m1", chat_id="new")
    service.send("m2", "bob", chat_id="new")

    expect(tile).to_contain_text("1")
    expect(page.locator(".tile", has_text="Messages waiting")).to_contain_text("1")
    legend = page.locator(".legend")
    expect(legend).to_contain_text("run")
    expect(legend).to_contain_text("queue")
    waits = page.get_by_role("region", name="Longest waits")
    expect(waits).to_contain_text("new")
    expect(page.get_by_role("region", name="Consumers")).to_contain_text("gw-1")
    expect(page.get_by_role("region", name="Routers").get_by_role("row")).to_have_count(2)


def test_the_page_finds_the_service_again(service: Gateway, visit: Visit) -> None:
    visitor = visit(service.url)
    visitor.watch.expected |= {"ERR_CONNECTION_REFUSED", "Failed to load resource", "ERR_"}
    page = visitor.open()
    expect(page.locator(".live")).to_have_text("Live")
    service.process.kill()
    expect(page.locator(".live")).to_have_text("Reconnecting")
    expect(page.get_by_role("alert")).to_contain_text("cannot be reached")
    service.process.launch()
    service.process.await_ready()
    expect(page.locator(".live")).to_have_text("Live")
    expect(page.get_by_role("alert")).to_have_count(0)
