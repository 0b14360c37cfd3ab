"""The example gateways as a person would start them: every message is answered once."""

import asyncio
import signal

import httpx
import pytest

from tests.examples.instances import Gateways


async def test_the_inline_gateway_answers_every_message_once(gateways: Gateways) -> None:
    gateway = gateways.inline(0.3)
    await gateway.started()

    for line in ("in-1 ina hello", "in-2 ino hi", "in-1 ina hello", "nonsense"):
        gateway.type(line)
    await gateways.answers("in-1", "in-2")
    gateway.type("in-1 ina hello")
    gateway.type("in-3 ina thanks")
    await gateways.answers("in-3")
    gateway.signal(signal.SIGTERM)

    assert await gateway.exit_code() == 0
    assert gateways.answered() == {"in-1": 1, "in-2": 1, "in-3": 1}
    assert "in-1: duplicate" in gateway.out()
    assert gateway.log() == ""


async def test_the_input_of_the_inline_gateway_may_end(gateways: Gateways) -> None:
    gateway = gateways.inline(0.3)
    gateway.type("eof-1 eva hello")
    gateway.type_no_more()

    assert await gateway.exit_code() == 0
    assert gateways.answered() == {"eof-1": 1}


async def test_the_split_gateway_answers_every_webhook_once(gateways: Gateways) -> None:
    receiver, workers = gateways.receiver(), [gateways.worker(0.3) for _ in range(2)]
    url = await receiver.started()
    names = {await worker.started() for worker in workers}
    events = [
        {"id": f"split-{n}", "chat": "split", "user": f"user-{n % 4}", "text": "hello"}
        for n in range(8)
    ]

    async with httpx.AsyncClient() as http:
        for event in [*events, *events[:4]]:
            assert (await http.post(url, json=event)).status_code == 200
        malformed = await http.post(url, json={"id": "split-9"})
    await gateways.answers(*(event["id"] for event in events))

    assert malformed.status_code == 400
    assert set(gateways.answered().values()) == {1}
    assert {reply["by"] for reply in gateways.replies()} <= names
    for instance in (receiver, *workers):
        instance.signal(signal.SIGTERM)
        assert await instance.exit_code() == 0
        assert instance.log() == ""


@pytest.mark.parametrize("command", ["", "/steer "])
async def test_what_comes_while_the_agent_works_is_answered_together_with_the_rest(
    gateways: Gateways, command: str
) -> None:
    gateway = gateways.inline(1.0)
    await gateway.started()

    user = f"pia{command[1:-1]}"
    gateway.type(f"{user}-1 {user} book a table")
    gateway.type(f"{user}-2 {user} {command}for four")
    await gateways.answers(f"{user}-2")

    (reply,) = gateways.replies()
    assert reply["answers"] == [f"{user}-1", f"{user}-2"]
    assert reply["text"] == "You said: book a table, then for four"
    word = "steer" if command else "interrupt"
    assert f"{user}-2: {word} (same_sender_active)" in gateway.out()


async def test_a_stopped_run_is_not_answered(gateways: Gateways) -> None:
    gateway = gateways.inline(1.0)
    await gateway.started()

    gateway.type("stop-1 sam book a table")
    gateway.type("stop-2 sam /stop")
    gateway.type("stop-3 sam never mind")
    await gateways.answers("stop-3")

    assert gateways.answered() == {"stop-3": 1}


async def test_many_messages_at_two_gateways_are_answered_once(gateways: Gateways) -> None:
    instances = [gateways.inline(0.2) for _ in range(2)]
    await asyncio.gather(*(instance.started() for instance in instances))

    for n in range(30):
        for instance in instances:  # a webhook that both replicas get
            instance.type(f"many-{n} mia{n % 5} message {n}")
    await gateways.answers(*(f"many-{n}" for n in range(30)))

    assert set(gateways.answered().values()) == {1}
