"""The pictures of `docs/dashboard.md`. `make pictures` draws them anew into `docs/images/`.

In every other run they are drawn too, of a shorter evening, and thrown away.
"""

import os
import re
import time
from pathlib import Path

from playwright.sync_api import Page, expect

from tests.dashboard.conftest import PHONE, Visit
from tests.dashboard.gateway import Gateway
from tests.dashboard.scene import ROOM, play_an_evening
from tests.docs.blocks import PROJECT

KEPT = bool(os.environ.get("SESSION_ROUTER_KEEP_PICTURES"))
IMAGES = PROJECT / "docs" / "images"
SIZE = (1280, 960)
MESSAGES = 240 if KEPT else 5
PACE_SECONDS = 0.45 if KEPT else 0.0


def test_every_picture_of_the_document_is_drawn(
    guarded: Gateway, visit: Visit, tmp_path: Path
) -> None:
    folder = IMAGES if KEPT else tmp_path / "images"
    folder.mkdir(exist_ok=True)
    play_an_evening(guarded)
    light = visit(guarded.url, "operator", size=SIZE)
    dark = visit(guarded.url, "operator", size=SIZE, scheme="dark")
    phone = visit(guarded.url, "viewer", size=PHONE, scheme="dark")
    pages = [light.open(), dark.open()]
    for page in pages:
        expect(page.locator(".live")).to_have_text("Live")
    chat_away(guarded)

    draw(pages[0], folder / "overview.png")
    draw(pages[1], folder / "overview-dark.png")
    draw(light.open("sessions"), folder / "sessions.png")
    page = light.open(f"sessions/{ROOM}")
    draw(page, folder / "session.png")
    page.get_by_role("button", name="Force release").click()
    draw(page, folder / "confirmation.png")
    draw(phone.open(f"sessions/{ROOM}"), folder / "phone.png")
    page = light.open("policy")
    page.get_by_label("Platform").fill("telegram")
    page.get_by_label("Chat id").fill("-100200")
    page.get_by_role("button", name="Resolve").click()
    expect(page.locator(".resolved")).to_contain_text("This message belongs to")
    draw(page, folder / "policy.png")

    shown = re.findall(r"\]\(images/([\w-]+\.png)\)", document())
    assert sorted(shown) == sorted(path.name for path in folder.iterdir())
    assert {path.name for path in IMAGES.iterdir()} == set(shown)


def document() -> str:
    return (PROJECT / "docs" / "dashboard.md").read_text("utf-8")


def draw(page: Page, path: Path) -> None:
    expect(page.locator("main")).not_to_contain_text("Looking…")
    expect(page.locator(".live")).to_have_text("Live")
    page.screenshot(path=path)


def chat_away(gateway: Gateway) -> None:
    """Let people write for a while, so that the chart has something to show."""
    for number in range(MESSAGES):
        sender = f"user{number % 7}"
        answer = gateway.send(f"c{number}", sender, chat_id=f"lounge-{number % 11}")
        if answer["decision"] == "run" and number % 4:
            gateway.end(answer["run"])
        time.sleep(PACE_SECONDS)


def test_no_picture_is_large() -> None:
    assert all(path.stat().st_size < 300_000 for path in IMAGES.iterdir())
