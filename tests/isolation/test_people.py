"""One session a person, linked chats, and what changes of them do to messages on their way."""

import pytest

from tests.isolation.router import Json, Router, dm, group

ALICE = {"alice": ["telegram:1", "discord:2"]}
INTERRUPTS = {"other_sender": "interrupt"}
PERSON = {"isolation": "person", "dm_scope": "person"}
ON_TELEGRAM, ON_DISCORD = group("telegram", "t", "1"), group("discord", "d", "2")
MANY = [group("telegram", f"t{n}", "1") for n in range(6)] + [dm("discord", "2"), ON_DISCORD]


async def test_a_person_has_one_session_in_all_chats_of_all_platforms(there: Router) -> None:
    await there.put_policy(defaults=PERSON, identities=ALICE)
    answers = [await there.turn(source, message_id="7") for source in MANY]
    assert {answer["session"]["key"] for answer in answers} == {"agent:main:person:alice"}
    assert len({answer["session"]["id"] for answer in answers}) == 1
    assert answers[0]["session"]["isolation"] == "person"
    assert len(answers[-1]["session"]["participants"]) == 1
    for source in MANY:
        assert (await there.state_of(source, "7"))["state"] == "done"
        assert (await there.send(source, message_id="7"))["decision"] == "duplicate"


async def test_an_edit_finds_its_message_in_another_shard(there: Router) -> None:
    await there.put_policy(defaults=PERSON, identities=ALICE)
    for number, source in enumerate(MANY):
        await there.send(source, "first", message_id="7", dispatch="worker")
        edit = {"source": source, "message_id": "7", "text": f"edited {number}"}
        assert (await there.call("POST", "/v1/messages/amend", edit))["result"] == "updated"
    texts = [run["text"] for run in await _drain(there)]
    assert sorted("\n".join(texts).split("\n")) == [f"edited {n}" for n in range(len(MANY))]


async def _drain(there: Router) -> list[Json]:
    runs = []
    while granted := await there.claim(max=10):
        runs += granted
        for run in granted:
            await there.complete(run, next=False)
    return runs


async def test_another_accounts_head_is_not_this_gateways_to_run(there: Router) -> None:
    await there.put_policy(defaults=PERSON, identities=ALICE)
    await there.send(ON_TELEGRAM, "on telegram", dispatch="worker")
    behind = await there.send(ON_DISCORD, "on discord")
    assert (behind["decision"], behind["reason"]) == ("queue", "other_account")
    assert await there.claim(platforms=["discord"]) == []
    (head,) = await there.claim(platforms=["telegram"])
    assert (head["text"], head["route"]["platform"]) == ("on telegram", "telegram")
    ended = await there.complete(head)
    assert ended["next"] is None
    (last,) = await there.claim(platforms=["discord"])
    assert last["route"]["chat_id"] == "d"


async def test_linked_chats_share_one_session_and_hand_over_as_accounts_allow(
    there: Router,
) -> None:
    links = {"family": ["telegram:t", "discord:d"]}
    await there.put_policy(defaults={"isolation": "tagged"}, links=links)
    first = await there.send(ON_TELEGRAM, "from telegram")
    assert first["session"]["key"] == "agent:main:link:family"
    second = await there.send(ON_DISCORD, "from discord")
    assert (second["decision"], second["session"]["id"]) == ("queue", first["session"]["id"])
    assert (await there.complete(first["run"]))["next"] is None
    (run,) = await there.claim()
    assert run["text"] == "[2] from discord"
    assert {p["user_id"] for p in run["session"]["participants"]} == {"1", "2"}


async def test_a_resend_after_the_identity_changed_is_the_same_message(there: Router) -> None:
    await there.put_policy(defaults=PERSON)
    first = await there.send(ON_TELEGRAM, message_id="7")
    await there.put_policy(defaults=PERSON, identities=ALICE)
    again = await there.send(ON_TELEGRAM, message_id="7")
    assert again["decision"] == "duplicate"
    assert again["run"] == first["run"]
    stolen = await there.send({**ON_TELEGRAM, "user_id": "9"}, message_id="7")
    assert (stolen["decision"], stolen["reason"]) == ("reject", "id_reused")


async def test_what_waits_when_the_policy_changes_stays_ready_under_its_old_key(
    there: Router,
) -> None:
    settings = [{"isolation": "per_user"}, {"isolation": "shared"}, PERSON, {"isolation": "thread"}]
    keys = []
    for number, setting in enumerate([*settings, settings[0]]):
        await there.put_policy(defaults=setting, identities=ALICE)
        sent = await there.send(ON_TELEGRAM, message_id=f"p{number}", dispatch="worker")
        keys.append(sent["session"]["key"])
    assert keys == [
        "agent:main:telegram:group:t:1",
        "agent:main:telegram:group:t",
        "agent:main:person:alice",
        "agent:main:telegram:thread:t:opener:p3",
        "agent:main:telegram:group:t:1",
    ]
    for number in range(5):
        again = await there.send(ON_TELEGRAM, message_id=f"p{number}", dispatch="worker")
        assert (again["decision"], again["session"]["key"]) == ("duplicate", keys[number])
    got = [m["message_id"] for run in await _drain(there) for m in run["messages"]]
    assert sorted(got) == [f"p{number}" for number in range(5)]
    assert (await there.figures())["done"] == 5


async def test_links_and_identities_can_be_made_and_undone(there: Router) -> None:
    links = {"family": ["telegram:t", "discord:d"]}
    keys = []
    for policy in ({}, {"links": links}, {"links": links, "identities": ALICE}, {}):
        await there.put_policy(**policy)
        keys.append((await there.turn(ON_TELEGRAM))["session"]["key"])
    assert keys == [
        "agent:main:telegram:group:t:1",
        "agent:main:link:family:telegram:1",
        "agent:main:link:family:alice",
        "agent:main:telegram:group:t:1",
    ]


async def test_a_moderator_is_known_by_the_name_of_an_identity(there: Router) -> None:
    moderated = {"isolation": "shared", "moderators": ["alice"]}
    await there.put_policy(defaults=moderated, identities=ALICE)
    running = await there.send({**ON_DISCORD, "user_id": "9"})
    other = await there.send({**ON_DISCORD, "user_id": "8"}, control="stop")
    assert (other["decision"], other["reason"]) == ("reject", "not_owner")
    stopped = await there.send(ON_DISCORD, control="stop")
    assert stopped["control"]["stopped"] == [running["run"]["id"]]


async def test_owners_are_persons_so_a_person_interrupts_her_own_run_from_anywhere(
    there: Router,
) -> None:
    await there.put_policy(defaults=PERSON, identities=ALICE)
    first = await there.send(ON_TELEGRAM)
    second = await there.send(ON_DISCORD)
    assert (second["decision"], second["active_run"]["owners"]) == ("interrupt", ["alice"])
    told = await there.report("heartbeat", first["run"])
    assert told["interrupt"]["user_id"] == "2"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        pytest.param({}, {"identities": ALICE}, id="gets a name"),
        pytest.param({"identities": ALICE}, {}, id="loses it"),
        pytest.param({"identities": ALICE}, {"identities": {"al": ["discord:2"]}}, id="another"),
    ],
)
async def test_whose_name_changes_does_not_overtake_what_was_sent_under_the_old_one(
    there: Router, before: Json, after: Json
) -> None:
    defaults = {"isolation": "shared", "busy": {"other_sender": "queue"}}
    await there.put_policy(defaults=defaults, **before)
    running = await there.send({**ON_DISCORD, "user_id": "9"}, "runs")
    await there.send(ON_DISCORD, "first")
    await there.put_policy(defaults={"isolation": "shared", "busy": INTERRUPTS}, **after)
    assert (await there.send({**ON_DISCORD, "user_id": "8"}, "other"))["decision"] == "interrupt"
    assert (await there.send(ON_DISCORD, "second"))["decision"] == "interrupt"
    ended = await there.complete(running["run"])
    assert ended["next"]["text"] == "first\nsecond\nother"


async def test_who_gets_a_name_does_not_overtake_what_he_sent_without_it(there: Router) -> None:
    steers = {"busy": {"same_sender": "queue", "other_sender": "interrupt"}, "isolation": "shared"}
    await there.put_policy(defaults=steers)
    bob = {**ON_DISCORD, "user_id": "9"}
    running = await there.send(ON_DISCORD, "runs")
    await there.send(ON_DISCORD, "first")
    await there.send(bob, "bob's")
    await there.put_policy(defaults=steers, identities=ALICE)
    jumped = await there.send(ON_DISCORD, "second")
    assert jumped["decision"] == "interrupt"
    ended = await there.complete(running["run"])
    assert ended["next"]["text"] == "first\nsecond\nbob's"
