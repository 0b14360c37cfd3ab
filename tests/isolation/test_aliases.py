"""Several ids of one person: the first one seen stays in keys, on every router."""

from typing import Any

from tests.isolation.router import Router, dm, group, router

PHONE, LID = "491701", "77@lid"
BOTH = {"user_aliases": [PHONE]}


def person(user_id: str, **more: object) -> dict[str, object]:
    return group("whatsapp", "g", user_id, **more)


async def test_the_first_id_seen_stays_in_keys_later_alone_too(there: Router) -> None:
    first = await there.turn(person(PHONE, user_aliases=[LID]))
    assert first["session"]["key"] == f"agent:main:whatsapp:group:g:{PHONE}"
    for source in (person(LID, **BOTH), person(LID), person(PHONE)):
        answer = await there.turn(source)
        assert answer["session"]["id"] == first["session"]["id"]
    stranger = await there.turn(person("491702"))
    assert stranger["session"]["id"] != first["session"]["id"]


async def test_an_alias_holds_in_other_chats_but_on_no_other_platform_or_agent(
    there: Router,
) -> None:
    await there.turn(person(PHONE, user_aliases=[LID]))
    elsewhere = await there.turn(group("whatsapp", "h", LID))
    assert elsewhere["session"]["key"] == f"agent:main:whatsapp:group:h:{PHONE}"
    for other in (group("signal", "g", LID), person(LID)):
        agent = "main" if other["platform"] == "signal" else "coder"
        apart = await there.turn(other, agent=agent)
        assert apart["session"]["key"].endswith(":77@lid")


async def test_in_a_dm_an_alias_of_the_user_is_one_of_the_chat(there: Router) -> None:
    first = await there.turn(dm("whatsapp", PHONE, user_aliases=[LID]))
    alone = await there.send(dm("whatsapp", LID), message_id="7")
    assert alone["session"]["key"] == first["session"]["key"] == f"agent:main:whatsapp:dm:{PHONE}"
    assert alone["run"]["route"]["chat_id"] == LID
    assert (await there.send(dm("whatsapp", LID), message_id="7"))["run"] == alone["run"]
    assert (await there.state_of(dm("whatsapp", LID), "7"))["state"] == "in_run"


async def test_an_id_that_was_a_person_of_its_own_joins_and_its_messages_stay_ready(
    there: Router,
) -> None:
    waiting = await there.send(person(LID), "from before", message_id="7", dispatch="worker")
    await there.turn(person(PHONE, user_aliases=[LID]))
    joined = await there.turn(person(LID))
    assert joined["session"]["key"] == f"agent:main:whatsapp:group:g:{PHONE}"
    again = await there.send(person(LID), "from before", message_id="7", dispatch="worker")
    assert (again["decision"], again["state"]) == ("duplicate", "waiting")
    assert again["session"]["key"] == waiting["session"]["key"]
    (run,) = await there.claim()
    assert run["text"] == "from before"


async def test_a_dm_accepted_before_its_alias_was_taught_is_known_after(there: Router) -> None:
    await there.turn(dm("whatsapp", LID), message_id="7")
    await there.turn(dm("whatsapp", PHONE, user_aliases=[LID]))
    again = await there.send(dm("whatsapp", LID), message_id="7")
    assert (again["decision"], again["state"]) == ("duplicate", "done")


async def test_what_one_router_learns_another_knows(store_url: str) -> None:
    async with router(store_url) as one, router(store_url) as other:
        first = await one.turn(person(PHONE, user_aliases=[LID]))
        await other.follow()
        alone = await other.turn(person(LID))
        assert alone["session"]["id"] == first["session"]["id"]


async def test_rules_see_the_ids_as_they_were_sent(there: Router) -> None:
    rules = [{"name": "lid", "match": {"user_id": LID}, "set": {"lease_seconds": 7}}]
    await there.put_policy(rules=rules)
    assert (await there.turn(person(PHONE, user_aliases=[LID])))["rule"] == ["defaults"]
    assert (await there.turn(person(LID)))["rule"] == ["defaults", "lid"]


async def test_whoever_is_asked_by_the_first_id_may_answer_by_another(there: Router) -> None:
    await there.put_policy(defaults={"isolation": "shared"})
    run = (await there.send(person(PHONE, user_aliases=[LID])))["run"]
    asked: dict[str, Any] = {"prompt_id": "sure?", "from": [PHONE]}
    await there.report("ask", run, **asked)
    assert (await there.send(person(LID), answers="sure?"))["decision"] == "answer"
    other = await there.send(person("491702"), answers="sure?")
    assert (other["decision"], other["reason"]) == ("reject", "not_owner")
