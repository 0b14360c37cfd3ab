"""A real headless browser on a real service. Every page is watched: no error, no other origin."""

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from tests.dashboard.gateway import Gateway
from tests.faults.services import Service
from tests.service import write_token

PATIENCE_MS = 20_000
DESKTOP = (1440, 900)
PHONE = (390, 844)
LEFT_OUT = "left out: the dashboard in a browser: there is no chromium (apt-get install chromium)"
# fmt: off
FLAGS = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
)
# fmt: on


def chromium() -> str | None:
    """The browser of this machine; none is ever downloaded."""
    names = ("chromium", "chromium-browser", "google-chrome")
    return next(filter(None, map(shutil.which, names)), None)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Give the browser. Where there is none, tests are left out aloud, and fail in CI."""
    path = chromium()
    if path is None and os.environ.get("CI"):
        pytest.fail(LEFT_OUT)
    if path is None:
        pytest.skip(LEFT_OUT)
    expect.set_options(timeout=PATIENCE_MS)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield browser
        browser.close()


@dataclass
class Watch:
    """What a page did that it should not: errors, and requests to another origin."""

    url: str
    expected: set[str] = field(default_factory=set)
    errors: list[str] = field(default_factory=list)
    foreign: list[str] = field(default_factory=list)

    def follow(self, page: Page) -> None:
        page.on("console", lambda message: self._hear(message.type, message.text))
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("request", lambda request: self._see(request.url))

    def _hear(self, kind: str, text: str) -> None:
        if kind in {"error", "warning"} and not any(part in text for part in self.expected):
            self.errors.append(text)

    def _see(self, url: str) -> None:
        if urlsplit(url).netloc != urlsplit(self.url).netloc:
            self.foreign.append(url)

    def check(self) -> None:
        assert self.errors == []
        assert self.foreign == []


class Visitor:
    """Somebody at the page: opens views, and is watched."""

    def __init__(self, context: BrowserContext, url: str, token: str | None) -> None:
        self.watch = Watch(url)
        self.url = url
        self.page = context.new_page()
        self.page.set_default_timeout(PATIENCE_MS)
        self.watch.follow(self.page)
        if token is not None:
            keep = f"sessionStorage.setItem('session-router-token', '{token}')"
            self.page.add_init_script(f"if (location.protocol === 'http:') {keep}")

    def open(self, view: str = "") -> Page:
        """Open a view, and return when its heading is there."""
        self.page.goto("about:blank")
        self.page.goto(f"{self.url}/dashboard#/{view}")
        self.page.locator("h1").wait_for()
        return self.page


Visit = Callable[..., Visitor]


@pytest.fixture
def visit(browser: Browser) -> Iterator[Visit]:
    """Let somebody visit a service; in the end no page may have done what it should not."""
    with ExitStack() as stack:

        def come(
            url: str,
            token: str | None = None,
            size: tuple[int, int] = DESKTOP,
            scheme: str = "light",
        ) -> Visitor:
            width, height = size
            context = browser.new_context(
                viewport={"width": width, "height": height},
                color_scheme="dark" if scheme == "dark" else "light",
                has_touch=size == PHONE,
                reduced_motion="reduce",
            )
            stack.callback(context.close)
            visitor = Visitor(context, url, token)
            visitors.append(visitor)
            return visitor

        visitors: list[Visitor] = []
        yield come
        for visitor in visitors:
            visitor.watch.check()


@pytest.fixture
def service(tmp_path: Path, store_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Gateway]:
    """Give a service without tokens, on an empty store, and a gateway to it."""
    monkeypatch.setenv("SESSION_ROUTER_REDIS_URL", store_url)
    with Service(tmp_path / "service") as process:
        process.await_ready()
        with closing(Gateway(process)) as gateway:
            yield gateway


@pytest.fixture
def guarded(tmp_path: Path, store_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Gateway]:
    """Give a service with a token of each role, named as the role, and a gateway to it."""
    tokens = tmp_path / "tokens.yaml"
    write_token(tokens, "gateway", "gateway")
    write_token(tokens, "viewer", "viewer")
    write_token(tokens, "operator", "operator")
    monkeypatch.setenv("SESSION_ROUTER_REDIS_URL", store_url)
    monkeypatch.setenv("SESSION_ROUTER_TOKENS_FILE", str(tokens))
    with Service(tmp_path / "service") as process:
        process.await_ready()
        with closing(Gateway(process, "operator")) as gateway:
            yield gateway
