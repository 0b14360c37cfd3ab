"""Isolation `thread`: each message outside a thread opens one, and the thread is the session."""

import asyncio

import pytest

from tests.isolation.router import Router, group

KNOWN = group("discord", "c")
UNKNOWN = group("telegram", "c")
OTHER = {**UNKNOWN, "user_id": "u2"}


def inside(source: dict[str, str], thread_id: str) -> dict[str, str]:
    return {**source, "thread_id": thread_id}


@pytest.fixture
async def threads(there: Router) -> Router:
    """Give a router whose chats open threads."""
    await there.put_policy(defaults={"isolation": "thread"})
    return there


async def test_a_thread_whose_id_is_known_is_given_with_the_answer_and_in_the_grant(
    threads: Router,
) -> None:
    opened = await threads.send(KNOWN, message_id="100")
    assert opened["thread"] == {"action": "create", "thread_id": "100"}
    assert opened["run"]["route"]["thread_id"] == "100"
    assert opened["session"]["isolation"] == "tagged"
    within = await threads.send(inside(KNOWN, "100"))
    assert within["session"]["key"] == opened["session"]["key"]
    assert within["decision"] == "interrupt"
    assert within["thread"] is None
    ended = await threads.complete(opened["run"])
    assert ended["next"]["route"]["thread_id"] == "100"


async def test_a_thread_that_is_bound_afterwards_is_the_session_of_its_opener(
    threads: Router,
) -> None:
    opened = await threads.send(UNKNOWN, message_id="100")
    key = opened["session"]["key"]
    assert key == "agent:main:telegram:thread:c:opener:100"
    assert opened["thread"] == {"action": "create", "thread_id": None}
    assert opened["run"]["route"]["thread_id"] is None
    assert await threads.bind(key, "9") == {"session_key": key, "thread_id": "9"}
    within = await threads.send(inside(OTHER, "9"), "and me?")
    assert within["session"]["key"] == key
    assert within["thread"] is None
    ended = await threads.complete(opened["run"])
    assert ended["next"]["route"]["thread_id"] == "9"
    assert ended["next"]["text"] == "[u2] and me?"
    again = await threads.send(UNKNOWN, message_id="100")
    assert again["thread"] == {"action": "create", "thread_id": "9"}


async def test_messages_from_before_and_after_the_binding_are_one_batch(threads: Router) -> None:
    source = {**UNKNOWN, "scope": "a-scope-that-does-not-count"}
    opened = await threads.send(source, dispatch="worker")
    await threads.bind(opened["session"]["key"], "9")
    await threads.send(inside(source, "9"), dispatch="worker")
    (run,) = await threads.claim()
    assert len(run["messages"]) == 2
    assert run["route"]["thread_id"] == "9"


async def test_a_claim_knows_the_thread_that_its_message_opens(threads: Router) -> None:
    await threads.send(KNOWN, message_id="100", dispatch="worker")
    (run,) = await threads.claim()
    assert run["route"]["thread_id"] == "100"
    opened = await threads.send(UNKNOWN, dispatch="worker")
    (unbound,) = await threads.claim()
    assert unbound["route"]["thread_id"] is None
    await threads.complete(unbound, "released", next=False)
    await threads.bind(opened["session"]["key"], "9")
    (bound,) = await threads.claim()
    assert bound["route"]["thread_id"] == "9"


async def test_each_message_outside_a_thread_has_a_session_of_its_own(threads: Router) -> None:
    for source in (KNOWN, UNKNOWN):
        answers = [await threads.send(source) for _ in range(3)]
        assert {answer["decision"] for answer in answers} == {"run"}
        assert len({answer["session"]["key"] for answer in answers}) == 3


@pytest.mark.parametrize("source", [KNOWN, UNKNOWN], ids=["known", "bound"])
async def test_a_repeat_says_again_which_thread_to_open(
    threads: Router, source: dict[str, str]
) -> None:
    first = await threads.send(source, message_id="100")
    again = await threads.send(source, message_id="100")
    assert again["decision"] == "duplicate"
    assert again["thread"] == first["thread"] is not None
    assert again["run"] == first["run"]


async def test_binding_is_repeatable_and_exclusive(threads: Router) -> None:
    one = (await threads.send(UNKNOWN))["session"]["key"]
    other = (await threads.send(UNKNOWN))["session"]["key"]
    for _ in range(3):
        await threads.bind(one, "9")
    taken = await threads.bind(other, "9", 409)
    assert taken["type"].endswith("thread_taken")
    await threads.bind(one, "10", 409)
    await threads.bind(other, "10")


async def test_a_thread_that_somebody_wrote_in_before_has_a_session(threads: Router) -> None:
    opened = await threads.send(UNKNOWN)
    early = await threads.send(inside(UNKNOWN, "9"))
    assert early["session"]["key"] != opened["session"]["key"]
    await threads.bind(opened["session"]["key"], "9", 409)
    late = await threads.send(inside(UNKNOWN, "9"))
    assert late["session"]["key"] == early["session"]["key"]


async def test_what_is_no_thread_to_bind_is_refused(threads: Router) -> None:
    await threads.bind("agent:main:telegram:thread:c:opener:77", "9", 404)
    await threads.bind("agent:main:telegram:thread:c:thread:77", "77", 404)
    await threads.bind("no key", "9", 404)
    within = await threads.send(inside(UNKNOWN, "5"))
    await threads.bind(within["session"]["key"], "5")
    await threads.bind(within["session"]["key"], "6", 409)
    private = await threads.send({**UNKNOWN, "chat_type": "dm"})
    await threads.bind(private["session"]["key"], "6", 409)


async def test_many_that_bind_one_thread_at_once_bind_it_once(threads: Router) -> None:
    keys = [(await threads.send(UNKNOWN))["session"]["key"] for _ in range(8)]

    async def bind(key: str) -> str | None:
        try:
            await threads.bind(key, "9")
        except AssertionError:
            return None
        return key

    bound = [key for key in await asyncio.gather(*map(bind, keys)) if key is not None]
    assert len(bound) == 1
    assert (await threads.send(inside(OTHER, "9")))["session"]["key"] == bound[0]


async def test_what_comes_while_its_thread_is_bound_is_in_one_of_two_sessions(
    threads: Router,
) -> None:
    opened = await threads.send(UNKNOWN)
    key = opened["session"]["key"]
    sent = [threads.send(inside(OTHER, "9")) for _ in range(10)]
    binding = threads.call("POST", f"/v1/sessions/{key}/threads", {"thread_id": "9"})
    *answers, bound = await asyncio.gather(*sent, binding, return_exceptions=True)
    keys = {answer["session"]["key"] for answer in answers if isinstance(answer, dict)}
    own = "agent:main:telegram:thread:c:thread:9"
    assert keys == ({own} if isinstance(bound, AssertionError) else {key})
    assert (await threads.figures())["accepted"] == 11


async def test_controls_open_no_thread(threads: Router) -> None:
    for source in (KNOWN, UNKNOWN):
        nothing = await threads.send(source, control="stop", message_id="1")
        assert (nothing["decision"], nothing["reason"]) == ("control", "nothing_runs")
        assert nothing["thread"] is nothing["session"] is None
        opened = await threads.send(source, message_id="2")
        stopped = await threads.send(source, control="stop", message_id="3")
        assert stopped["control"]["stopped"] == [opened["run"]["id"]]
        assert stopped["thread"] is None
        again = await threads.send(source, control="stop", message_id="3")
        assert again["decision"] == "duplicate"
        assert again["thread"] is None
    assert (await threads.figures())["accepted"] == 2


async def test_bindings_outlive_a_change_of_the_policy_and_back(threads: Router) -> None:
    opened = await threads.turn(UNKNOWN, message_id="100")
    key = opened["session"]["key"]
    await threads.bind(key, "9")
    await threads.put_policy(defaults={"isolation": "shared"})
    plain = await threads.send(UNKNOWN)
    assert plain["session"]["key"] == "agent:main:telegram:group:c"
    assert plain["thread"] is None
    assert (await threads.turn(inside(OTHER, "9")))["session"]["key"] == key
    again = await threads.send(UNKNOWN, message_id="100")
    assert again["thread"] == {"action": "create", "thread_id": "9"}
    await threads.put_policy(defaults={"isolation": "thread"})
    assert (await threads.turn(inside(OTHER, "9")))["session"]["key"] == key


async def test_a_thread_that_belongs_to_its_chat_is_bound_no_more(threads: Router) -> None:
    opened = await threads.turn(UNKNOWN)
    await threads.bind(opened["session"]["key"], "9")
    await threads.put_policy(defaults={"isolation": "shared", "thread_isolation": "inherit"})
    within = await threads.send(inside(OTHER, "9"))
    assert within["session"]["key"] == "agent:main:telegram:group:c"


@pytest.mark.parametrize("source", [KNOWN, UNKNOWN], ids=["known", "bound"])
async def test_what_was_accepted_before_its_chat_opened_threads_opens_none(
    threads: Router, source: dict[str, str]
) -> None:
    await threads.put_policy(defaults={"isolation": "shared"})
    first = await threads.send(source, message_id="100")
    await threads.put_policy(defaults={"isolation": "thread"})
    again = await threads.send(source, message_id="100")
    assert again["decision"] == "duplicate"
    assert again["session"]["key"] == first["session"]["key"]
    assert again["thread"] is None


async def test_a_retired_session_frees_its_thread(threads: Router) -> None:
    opened = await threads.turn(UNKNOWN)
    await threads.bind(opened["session"]["key"], "9")
    threads.clock.forward(days=29)
    assert (await threads.turn(inside(OTHER, "9")))["session"]["id"] == opened["session"]["id"]
    threads.clock.forward(days=31)
    await threads.sweep()
    await threads.on_session(opened["session"]["key"], status=404)
    anew = await threads.turn(UNKNOWN)
    await threads.bind(anew["session"]["key"], "9")
    assert (await threads.send(inside(OTHER, "9")))["session"]["key"] == anew["session"]["key"]


@pytest.mark.parametrize("source", [KNOWN, UNKNOWN], ids=["known", "bound"])
async def test_where_every_person_has_a_session_in_a_thread_only_the_openers_is_the_openers(
    threads: Router, source: dict[str, str]
) -> None:
    await threads.put_policy(defaults={"isolation": "thread", "thread_isolation": "per_user"})
    opened = await threads.turn(source, message_id="9")
    await threads.bind(opened["session"]["key"], "9")
    own = await threads.send(inside(source, "9"))
    other = await threads.send(inside({**source, "user_id": "u2"}, "9"))
    assert own["session"]["key"] == opened["session"]["key"]
    assert own["session"]["isolation"] == other["session"]["isolation"] == "per_user"
    assert other["session"]["key"] == f"agent:main:{source['platform']}:thread:c:thread:9:u2"


async def test_threads_of_linked_chats_are_bound_in_whatever_shard_they_would_be(
    threads: Router,
) -> None:
    chats = [group("telegram", f"c{n}") for n in range(12)]
    links = {"all": [f"telegram:{chat['chat_id']}" for chat in chats]}
    await threads.put_policy(defaults={"isolation": "thread"}, links=links)
    for chat in chats:
        opened = await threads.turn(chat)
        await threads.bind(opened["session"]["key"], "9")
        within = await threads.send(inside({**chat, "user_id": "u2"}, "9"), message_id="7")
        assert within["session"]["key"] == opened["session"]["key"]
        again = await threads.send(inside({**chat, "user_id": "u2"}, "9"), message_id="7")
        assert again["decision"] == "duplicate"


async def test_a_moderators_stop_finds_the_run_of_its_thread_and_no_other(there: Router) -> None:
    await there.put_policy(defaults={"isolation": "thread", "thread_isolation": "per_user"})
    opened = await there.send(group("telegram", "123", "1"))
    await there.bind(opened["session"]["key"], "77")
    moderator = {"user_id": "9", "is_moderator": True}
    other = await there.send(
        {**group("telegram", "123"), **moderator, "thread_id": "123"}, control="stop"
    )
    assert other["reason"] == "nothing_runs"
    stopped = await there.send(
        {**group("telegram", "123"), **moderator, "thread_id": "77"}, control="stop"
    )
    assert stopped["control"]["stopped"] == [opened["run"]["id"]]


async def test_a_session_that_is_not_there_has_no_thread(there: Router) -> None:
    await there.bind("agent:main:discord:group:999", "1", status=404)


async def test_a_job_of_a_thread_that_was_bound_reports_into_the_thread(there: Router) -> None:
    await there.put_policy(defaults={"isolation": "thread", "busy": {"same_sender": "queue"}})
    source = group("telegram", "room", "alice")
    first = await there.send(source, message_id="a1")
    session = first["session"]
    await there.bind(session["key"], "t9")
    to = {"session_key": session["key"], "session_id": session["id"]}
    body = {"message_id": "j1", "consumer": "job", "kind": "internal", "to": to}
    await there.call("POST", "/v1/messages", body)
    assert (await there.send(inside(source, "t9")))["state"] == "waiting"
    run = (await there.complete(first["run"]))["next"]
    assert run["messages"][0]["message_id"] == "j1"
    assert len(run["messages"]) == 2, "one route, one batch"
    assert run["route"]["thread_id"] == "t9"
