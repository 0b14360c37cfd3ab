"""The policy in the page: its versions, and which session a message would get."""

from playwright.sync_api import expect

from tests.dashboard.conftest import Visit
from tests.dashboard.gateway import Gateway


def test_an_earlier_version_is_compared_and_restored(guarded: Gateway, visit: Visit) -> None:
    guarded.policy(isolation="shared")
    guarded.policy(isolation="tagged", batch_max=7)
    page = visit(guarded.url, "operator").open("policy")
    expect(page.get_by_role("region", name="In force: revision 2")).to_contain_text('"tagged"')

    page.get_by_role("button", name="Compare revision 1").click()
    lines = page.get_by_role("region", name="From revision 1 to 2").locator(".line:not(.is-same)")
    expect(lines.filter(has_text='isolation: "shared"').first).to_contain_text("-")
    expect(lines.filter(has_text="batch_max: 7")).to_contain_text("+")

    page.get_by_role("button", name="Restore revision 1").click()
    dialog = page.get_by_role("dialog", name="Restore revision 1?")
    expect(dialog).to_contain_text('+   isolation: "shared"')
    dialog.get_by_role("button", name="Restore").click()
    expect(page.get_by_text("In force now: revision 3.")).to_be_visible()
    versions = page.get_by_role("region", name="Versions").get_by_role("row")
    expect(versions.nth(1)).to_contain_text("operator")
    assert guarded.ask("GET", "/v1/policy")["policy"]["defaults"]["isolation"] == "shared"


def test_a_viewer_compares_and_may_not_restore(guarded: Gateway, visit: Visit) -> None:
    guarded.policy(isolation="shared")
    guarded.policy(isolation="tagged")
    page = visit(guarded.url, "viewer").open("policy")
    page.get_by_role("button", name="Compare revision 1").click()
    expect(page.get_by_role("region", name="From revision 1 to 2")).to_be_visible()
    restore = page.get_by_role("button", name="Restore").nth(1)
    expect(restore).to_have_attribute("aria-disabled", "true")
    expect(restore).to_have_attribute("title", "Your token may look; acting needs an operator's.")


def test_the_form_tells_which_session_a_message_gets_and_why(
    service: Gateway, visit: Visit
) -> None:
    rule = {"name": "support", "match": {"chat_id": "7"}, "set": {"isolation": "shared"}}
    service.ask("PUT", "/v1/policy", {"rules": [rule]})
    page = visit(service.url).open("policy")
    page.get_by_label("Platform").fill("discord")
    page.get_by_label("Chat id").fill("7")
    page.get_by_label("User id").fill("456")
    page.get_by_role("button", name="Resolve").click()
    answer = page.locator(".resolved")
    expect(answer).to_contain_text("agent:main:discord:group:7")
    answer.get_by_text("Its policy, and the rule behind each field").click()
    row = answer.get_by_role("row").filter(has_text="isolation").filter(has_text="shared")
    expect(row).to_contain_text("support")


def test_the_form_tells_what_is_wrong(service: Gateway, visit: Visit) -> None:
    visitor = visit(service.url)
    visitor.watch.expected.add("422")
    page = visitor.open("policy")
    page.get_by_label("Platform").fill("discord")
    page.get_by_role("button", name="Resolve").click()
    expect(page.locator(".resolved").get_by_role("alert")).to_contain_text("source.chat_id")
