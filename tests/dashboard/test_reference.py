"""The page of every call, `/docs`: whole without a network, true to the document, for everybody."""

import json
import subprocess
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.dashboard.conftest import DESKTOP, PHONE, Visit, Visitor
from tests.dashboard.gateway import Gateway
from tests.dashboard.test_access_for_all import assert_accessible


def opened(visitor: Visitor, name: str = "") -> Page:
    """Open the page at a call or model; `Watch` fails it if it asks anybody else for anything."""
    visitor.page.goto(f"{visitor.url}/docs#{name}")
    visitor.page.locator("h1").wait_for()
    return visitor.page


def test_every_call_and_every_model_is_there(service: Gateway, visit: Visit) -> None:
    document: Any = service.ask("GET", "/openapi.json")
    page = opened(visit(service.url))
    for path, calls in document["paths"].items():
        for method, call in calls.items():
            summary = page.locator(f"#{call['operationId']} > summary")
            expect(summary).to_contain_text(f"{method.upper()}{path}{call['summary']}")
    models = page.get_by_role("region", name="models").locator("details")
    assert models.count() == len(document["components"]["schemas"])


def test_an_address_opens_its_call_and_a_type_leads_to_its_model(
    service: Gateway, visit: Visit
) -> None:
    page = opened(visit(service.url), "admit")
    call = page.locator("#admit")
    expect(call.get_by_label("Answers: interrupt")).to_contain_text('"decision": "interrupt"')
    expect(call.get_by_label("Answers: invalid_request")).to_contain_text("not permitted")
    call.get_by_role("link", name="Message", exact=True).click()
    fields = page.get_by_role("table", name="Fields of Message", exact=True)
    expect(fields.get_by_role("row", name="message_id").first).to_contain_text("needed")


def test_the_command_that_is_shown_makes_the_call(service: Gateway, visit: Visit) -> None:
    page = opened(visit(service.url), "admit")
    command = page.locator("#admit").get_by_label("As a command").inner_text()
    assert command.startswith("curl -s -X POST ")
    done = subprocess.run(("bash", "-c", command), capture_output=True, check=True, timeout=30)
    assert json.loads(done.stdout)["decision"] == "run"


@pytest.mark.parametrize(
    ("scheme", "size"), [("light", DESKTOP), ("dark", PHONE)], ids=["light", "dark phone"]
)
def test_it_is_for_everybody(
    service: Gateway, visit: Visit, scheme: str, size: tuple[int, int]
) -> None:
    page = opened(visit(service.url, scheme=scheme, size=size), "claim")
    expect(page.locator("#claim > summary")).to_be_focused()
    assert_accessible(page)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_a_document_that_does_not_come_is_told(service: Gateway, visit: Visit) -> None:
    visitor = visit(service.url)
    visitor.watch.expected.add("503")
    visitor.page.route("**/openapi.json", lambda route: route.fulfill(status=503))
    expect(opened(visitor).get_by_role("alert")).to_have_text("openapi.json was answered 503")
