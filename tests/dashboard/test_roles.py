"""Who may do what: in the page, and behind it."""

from urllib.parse import quote

import httpx
import pytest
from playwright.sync_api import expect

from tests.dashboard.conftest import Visit
from tests.dashboard.gateway import Gateway

ROOM = "agent:main:discord:group:room"
ACTIONS = ("Interrupt", "Force release", "Pause", "Reset", "Delete session")
REFUSED = "Failed to load resource: the server responded with a status of"


@pytest.fixture
def busy(guarded: Gateway) -> Gateway:
    """Give a service with tokens in whose room a run is active and a message waits."""
    guarded.policy(isolation="shared", lease_seconds=3600)
    guarded.run("m1")
    guarded.send("m2", "bob")
    return guarded


def test_a_viewer_sees_everything_and_every_action_says_why_it_is_not_his(
    busy: Gateway, visit: Visit
) -> None:
    page = visit(busy.url, "viewer").open(f"sessions/{ROOM}")
    expect(page.get_by_role("region", name="Queue")).to_contain_text("m2")
    for label in ACTIONS:
        button = page.get_by_role("button", name=label, exact=True)
        expect(button).to_have_attribute("aria-disabled", "true")
        button.click(force=True)
        expect(page.get_by_role("dialog")).to_be_hidden()
    expect(page.get_by_role("button", name="Delete message m2")).to_have_count(0)
    expect(page.locator(".toolbar")).to_contain_text("acting needs an operator's")


def test_a_viewer_whose_page_is_tampered_with_is_refused_by_the_service(
    busy: Gateway, visit: Visit
) -> None:
    visitor = visit(busy.url, "viewer")
    visitor.watch.expected.add(f"{REFUSED} 403")
    # As if he were an operator, as far as the page is concerned.
    visitor.page.route(
        "**/v1/access", lambda route: route.fulfill(json={"name": "viewer", "role": "operator"})
    )
    page = visitor.open(f"sessions/{ROOM}")
    page.get_by_role("button", name="Force release").click()
    page.get_by_role("dialog").get_by_role("button", name="Force release").click()
    expect(page.locator("#notices")).to_contain_text("The token's role does not allow this call.")
    assert busy.session(ROOM)["state"] == "running"


def test_the_service_refuses_a_viewer_whatever_the_page_does(busy: Gateway) -> None:
    headers = {"Authorization": "Bearer viewer"}
    key = quote(ROOM, safe="")
    calls = [
        *(("POST", f"/v1/sessions/{key}/{verb}") for verb in ("interrupt", "release", "reset")),
        *(("POST", f"/v1/sessions/{key}/{verb}") for verb in ("pause", "resume")),
        ("DELETE", f"/v1/sessions/{key}"),
        ("DELETE", f"/v1/sessions/{key}/queue/2"),
        ("POST", "/v1/sessions/actions"),
        ("PUT", "/v1/policy"),
        ("POST", "/v1/policy/versions/1/restore"),
    ]
    for method, path in calls:
        answer = httpx.request(method, f"{busy.url}{path}", headers=headers)
        assert answer.status_code == 403, path


def test_a_token_is_asked_for_and_kept_in_the_tab_alone(busy: Gateway, visit: Visit) -> None:
    visitor = visit(busy.url)
    visitor.watch.expected.add(f"{REFUSED} 401")
    addresses: list[str] = []
    visitor.page.on("request", lambda request: addresses.append(request.url))
    page = visitor.open()
    page.get_by_label("Access token").fill("nobody's")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("alert")).to_have_text("This token is not known here.")

    page.get_by_label("Access token").fill("operator")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Overview")
    expect(page.locator(".who")).to_contain_text("operator")
    assert page.evaluate("Object.values(sessionStorage)") == ["operator"]
    assert page.evaluate("localStorage.length") == 0
    assert page.context.cookies() == []
    assert not [url for url in addresses if "token" in url or "operator" in url]

    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_label("Access token")).to_be_focused()
    assert page.evaluate("sessionStorage.length") == 0
    expect(page.get_by_role("navigation", name="Views")).to_have_count(0)


def test_without_tokens_nobody_signs_in(service: Gateway, visit: Visit) -> None:
    page = visit(service.url).open()
    expect(page.get_by_role("heading", level=1)).to_have_text("Overview")
    expect(page.locator(".who")).to_contain_text("no sign-in: this machine")
    expect(page.get_by_label("Access token")).to_have_count(0)


def test_the_page_learns_what_a_token_may(guarded: Gateway) -> None:
    def access(token: str | None) -> httpx.Response:
        headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        return httpx.get(f"{guarded.url}/v1/access", headers=headers)

    assert access(None).json() == {"name": None, "role": None, "agents": None}
    assert access("viewer").json() == {"name": "viewer", "role": "viewer", "agents": None}
    assert access("wrong").status_code == 401
