"""How the files of the pages are sent: to whom, with which headers, and nothing else."""

import os
import re
import zipfile
from pathlib import Path

import httpx
import pytest

from app.api.pages import PAGES
from tests.docs.blocks import PROJECT
from tests.service import Service, running, write_token

FILES = {
    page: sorted(
        path.relative_to(root).as_posix()
        for path in root.rglob("*")
        if path.is_file() and path.suffix not in {".py", ".pyc"}
    )
    for page, root in PAGES.items()
}
EACH_FILE = [(page, name) for page, names in FILES.items() for name in names]
each_page = pytest.mark.parametrize("page", PAGES)


async def fetch(service: Service, path: str, method: str = "GET", **headers: str) -> httpx.Response:
    transport = httpx.ASGITransport(service.app, client=("127.0.0.1", 50000))
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8080") as http:
        return await http.request(method, path, headers=headers)


def address(page: str, name: str) -> str:
    return page if name == "index.html" else f"{page}/{name}"


async def test_every_file_is_sent_with_its_type_and_strict_headers(store_url: str) -> None:
    kinds = {".html": "text/html", ".js": "text/javascript", ".css": "text/css"}
    async with running(store_url) as service:
        for page, name in EACH_FILE:
            answer = await fetch(service, address(page, name))
            assert answer.status_code == 200, name
            kind = answer.headers["content-type"].partition(";")[0]
            assert kind == kinds.get(Path(name).suffix, "image/svg+xml")
            assert answer.content == (PAGES[page] / name).read_bytes()
            policy = answer.headers["content-security-policy"].split("; ")
            assert policy[0] == "default-src 'none'"
            assert {"frame-ancestors 'none'", "base-uri 'none'", "form-action 'none'"} <= {*policy}
            assert not re.search(r"unsafe|https?:|\*|data:", " ".join(policy))
            assert answer.headers["referrer-policy"] == "no-referrer"
            assert answer.headers["x-content-type-options"] == "nosniff"


async def test_a_file_that_the_browser_has_is_not_sent_again(store_url: str) -> None:
    async with running(store_url) as service:
        first = await fetch(service, "/dashboard")
        assert first.headers["cache-control"] == "no-cache"
        again = await fetch(service, "/dashboard", **{"If-None-Match": first.headers["etag"]})
        assert (again.status_code, again.content) == (304, b"")
        assert again.headers["etag"] == first.headers["etag"]
        assert "content-security-policy" in again.headers
        other = await fetch(service, "/dashboard", **{"If-None-Match": '"another"'})
        assert other.status_code == 200
        head = await fetch(service, "/dashboard", "HEAD")
        assert (head.status_code, head.headers["etag"]) == (200, first.headers["etag"])


@pytest.mark.parametrize(
    "path",
    [
        *("/dashboard/nothing.js", "/dashboard/__init__.py", "/dashboard/js"),
        *("/dashboard/../main.py", "/docs/__init__.py", "/docs/oauth2-redirect", "/redoc"),
    ],
)
async def test_what_is_no_file_of_the_page_is_a_problem(store_url: str, path: str) -> None:
    async with running(store_url) as service:
        answer = await fetch(service, path)
        assert answer.status_code == 404
        assert answer.headers["content-type"] == "application/problem+json"


@each_page
async def test_without_tokens_a_page_is_for_this_machine_alone(page: str, store_url: str) -> None:
    async with running(store_url) as service:
        for headers in ({"Origin": "https://evil.example"}, {"Host": "evil.example:8080"}):
            answer = await fetch(service, page, **headers)
            assert (answer.status_code, answer.json()["title"]) == (403, "Loopback only")


@each_page
async def test_with_tokens_a_page_itself_needs_none(
    page: str, store_url: str, tmp_path: Path
) -> None:
    tokens = tmp_path / "tokens.yaml"
    write_token(tokens, "viewer", "viewer")
    async with running(store_url, tokens_file=tokens) as service:
        assert (await fetch(service, page)).status_code == 200
        assert (await fetch(service, "/v1/stats")).status_code == 401


def test_no_file_names_another_origin_or_holds_a_script_inline() -> None:
    for page, name in EACH_FILE:
        text = (PAGES[page] / name).read_text("utf-8")
        named = set(re.findall(r"https?://[^\s\"'`)]+", text))
        assert named <= {"http://www.w3.org/2000/svg"}, name
        assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(", text)
        if name == "index.html":
            assert not re.search(r"<style|style=|\son\w+=|<script(?![^>]*\ssrc=)", text)


def test_every_module_and_style_is_used() -> None:
    used = {PAGES[page] / "index.html" for page in PAGES}
    for page, name in EACH_FILE:
        file = PAGES[page] / name
        text = file.read_text("utf-8")
        for path in re.findall(r"from \"(\.[^\"]+)\"|url\(\"([^\"]+)\"\)", text):
            # The pages stand beside each other, whatever their folders are called.
            there = (Path(address(page, name)).parent / "".join(path)).as_posix()
            used.add(file_at(os.path.normpath(there)))
        used |= {file_at(f"/{path}") for path in re.findall(r"(?:href|src)=\"(\w+/[^\"]+)\"", text)}
    assert used == {PAGES[page] / name for page, name in EACH_FILE}


def file_at(path: str) -> Path:
    page, _, name = path[1:].partition("/")
    return PAGES[f"/{page}"] / name


def test_the_wheel_holds_every_file(tmp_path: Path) -> None:
    from hatchling.builders.wheel import WheelBuilder

    [wheel] = WheelBuilder(str(PROJECT)).build(directory=str(tmp_path), versions=["standard"])
    held = {f"{PROJECT}/{name}" for name in zipfile.ZipFile(wheel).namelist()}
    assert {str(PAGES[page] / name) for page, name in EACH_FILE} <= held
