"""Messages whose runs failed too often: set aside, and for a person to decide."""

from tests.scenarios.conftest import Serve
from tests.scenarios.service import Json, Service, ids


async def _kill(s: Service, message_id: str, **fields: str) -> Json:
    """Let a message become a dead letter (under `max_deliveries: 2`)."""
    run = await s.run(message_id, **fields)
    again = (await s.end(run, "failed"))["next"]
    assert (await s.end(again, "failed"))["next"] is None
    return (await s.dead_letters())[-1]


async def test_a_poison_message_dies_alone_and_the_session_goes_on(serve: Serve) -> None:
    s = await serve(max_deliveries=3)
    run: Json | None = await s.run("poison")
    await s.send("m2", "bob")
    batches = []
    while run is not None:
        batches.append([(m["message_id"], m["deliveries"]) for m in run["messages"]])
        outcome = "failed" if "poison" in ids(run) else "completed"
        run = (await s.end(run, outcome))["next"]
    assert batches == [
        [("poison", 1)],
        [("poison", 2), ("m2", 1)],
        [("poison", 3)],
        [("m2", 2)],
    ]
    assert await s.state("poison") == ("dead", "max_deliveries")
    assert await s.state("m2") == ("done", "completed")
    assert await s.figures() == {"accepted": 2, "done": 1, "dead": 1}


async def test_a_dead_letter_says_what_it_was_and_where_it_came_from(serve: Serve) -> None:
    s = await serve(max_deliveries=2)
    letter = await _kill(s, "m1", text="why?")
    assert letter["session_key"] == "agent:main:discord:group:room"
    message = letter["message"]
    assert (message["message_id"], message["text"], message["user_id"]) == ("m1", "why?", "alice")


async def test_a_redriven_letter_goes_to_the_back_counted_anew_once(serve: Serve) -> None:
    s = await serve(max_deliveries=2)
    letter = await _kill(s, "m1")
    run = await s.run("m2", "bob")
    await s.send("m3", "carol")
    path = f"/v1/dead-letters/{letter['id']}/redrive"
    assert [(await s.ask("POST", path))["changed"] for _ in range(3)] == [True, False, False]
    assert await s.dead_letters() == []
    following = (await s.end(run))["next"]
    assert [(m["message_id"], m["deliveries"]) for m in following["messages"]] == [
        ("m3", 1),
        ("m1", 1),
    ]
    await s.end(following)
    assert await s.figures() == {"accepted": 3, "done": 3}


async def test_a_redriven_letter_may_die_again(serve: Serve) -> None:
    s = await serve(max_deliveries=2)
    letter = await _kill(s, "m1")
    await s.ask("POST", f"/v1/dead-letters/{letter['id']}/redrive")
    [run] = await s.claim()
    again = (await s.end(run, "failed"))["next"]
    await s.end(again, "failed")
    assert [one["id"] for one in await s.dead_letters()] == [letter["id"]]


async def test_a_discarded_letter_is_removed_once(serve: Serve) -> None:
    s = await serve(max_deliveries=2)
    letter = await _kill(s, "m1")
    path = f"/v1/dead-letters/{letter['id']}"
    assert [(await s.ask("DELETE", path))["changed"] for _ in range(2)] == [True, False]
    assert (await s.ask("POST", f"{path}/redrive"))["changed"] is False
    assert await s.state("m1") == ("removed", "discarded")
    assert await s.figures() == {"accepted": 1, "removed": 1}


async def test_a_dead_letters_id_stays_known(serve: Serve) -> None:
    s = await serve(max_deliveries=2)
    await _kill(s, "m1")
    s.clock.step(365 * 86_400)
    again = await s.send("m1")
    assert (again["decision"], again["state"]) == ("duplicate", "dead")


async def test_letters_are_listed_in_pages_oldest_first(serve: Serve) -> None:
    s = await serve(max_deliveries=2)
    for number in range(5):
        await _kill(s, f"m{number}")
        s.clock.step(1)
    found: list[str] = []
    cursor: str | None = ""
    while cursor is not None:
        more = f"&cursor={cursor}" if cursor else ""
        page = await s.ask("GET", f"/v1/dead-letters?limit=2{more}")
        found += [letter["message"]["message_id"] for letter in page["dead_letters"]]
        cursor = page["cursor"]
    assert found == [f"m{number}" for number in range(5)]


async def test_a_letter_outlives_its_session_and_brings_it_back(serve: Serve) -> None:
    s = await serve(max_deliveries=2)
    letter = await _kill(s, "m1")
    path = "/v1/sessions/agent%3Amain%3Adiscord%3Agroup%3Aroom"
    assert (await s.ask("DELETE", path))["changed"]
    assert (await s.ask("POST", f"/v1/dead-letters/{letter['id']}/redrive"))["changed"]
    [run] = await s.claim()
    assert ids(run) == ["m1"]


async def test_a_letter_that_no_page_gave_is_unknown(serve: Serve) -> None:
    s = await serve()
    for letter_id in ("nonsense", "9.AAAAAAAAAAAAAAAAAAAAAA"):
        assert (await s.call("DELETE", f"/v1/dead-letters/{letter_id}")).status_code == 404
