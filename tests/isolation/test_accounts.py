"""Two bots of one agent in one DM chat: two conversations, and nobody's is split or joined."""

from tests.isolation.router import Router

DM = {"platform": "telegram", "chat_type": "dm", "chat_id": "77", "user_id": "77"}
SHOP, HELP = {**DM, "account": "shop"}, {**DM, "account": "help"}


async def test_each_account_has_its_own_session_ids_and_runs(there: Router) -> None:
    shop = await there.send(SHOP, message_id="5")
    helped = await there.send(HELP, message_id="5")
    assert (shop["decision"], helped["decision"]) == ("run", "run"), "an id counts in its account"
    assert shop["session"]["key"] != helped["session"]["key"]
    assert (await there.send(SHOP, message_id="6"))["active_run"]["id"] == shop["run"]["id"]
    await there.complete(helped["run"])
    assert (await there.state_of(SHOP, "5"))["state"] == "in_run"
    assert (await there.state_of(HELP, "5"))["state"] == "done"


async def test_in_one_session_of_all_dms_each_account_runs_its_own(there: Router) -> None:
    await there.put_policy(defaults={"dm_scope": "main"})
    first = await there.send(SHOP)
    waiting = await there.send(HELP)
    assert waiting["session"]["key"] == first["session"]["key"]
    assert waiting["decision"] == "interrupt", "it is one person, whichever bot is asked"
    ended = await there.complete(first["run"])
    assert ended["next"] is None, "the head came over another account"
    (run,) = await there.claim(accounts=["help"])
    assert run["route"]["account"] == "help"


async def test_a_button_is_answered_in_its_own_account(there: Router) -> None:
    run = (await there.send(SHOP))["run"]
    await there.report("ask", run, prompt_id="sure?")
    gone = await there.send(HELP, "yes", answers="sure?")
    assert (gone["decision"], gone["reason"]) == ("reject", "prompt_gone")
    assert (await there.send(SHOP, "yes", answers="sure?"))["decision"] == "answer"
