"""What a holder should know reaches its streams at once, once, and again on connect."""

import asyncio
from urllib.parse import quote

import pytest
from redis import Redis

from app import signals
from app.api.services import Services
from tests.service import Service
from tests.survival.asgi import Call
from tests.survival.conftest import Serve
from tests.survival.eventually import eventually

KEY = "agent:main:discord:group:123:456"


@pytest.fixture(autouse=True)
def _no_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    """What comes at all comes by its hint, at once."""
    monkeypatch.setattr(signals, "LOOK_SECONDS", 60.0)


def listen(service: Service, consumer: str = "gw-1") -> Call:
    return Call(service.app, "GET", f"/v1/signals?consumer={consumer}")


async def opened(call: Call) -> Call:
    await call.until_text(b"retry: ")
    await asyncio.sleep(0.05)  # its first look is over
    return call


def services(service: Service) -> Services:
    found: Services = service.app.services
    return found


async def act(service: Service, verb: str) -> None:
    await service.post(f"/v1/sessions/{quote(KEY, safe='')}/{verb}", {})


async def test_an_interrupt_names_its_run_and_its_cause(serve: Serve) -> None:
    service = await serve()
    stream = await opened(listen(service))
    run = (await service.send("m1"))["run"]
    assert (await service.send("m2"))["decision"] == "interrupt"
    (data,) = await stream.until("interrupt")
    assert (data["run_id"], data["fence"], data["session_key"]) == (run["id"], run["fence"], KEY)
    assert data["interrupt"]["cause"] == "message"
    assert (data["interrupt"]["message_id"], data["interrupt"]["user_id"]) == ("m2", "456")
    beat = await service.heartbeat(run)
    assert beat["interrupt"] == data["interrupt"], "a heartbeat carries the same truth"
    await stream.leave()


@pytest.mark.parametrize(("verb", "cause"), [("interrupt", "operator"), ("reset", "reset")])
async def test_an_operator_s_wish_reaches_the_holder(serve: Serve, verb: str, cause: str) -> None:
    service = await serve()
    stream = await opened(listen(service))
    await service.send("m1")
    await act(service, verb)
    (data,) = await stream.until("interrupt")
    assert data["interrupt"]["cause"] == cause
    await stream.leave()


async def test_a_stop_after_an_interrupt_is_told_as_well(serve: Serve) -> None:
    service = await serve()
    stream = await opened(listen(service))
    await service.send("m1")
    await service.send("m2")
    await stream.until("interrupt")
    await service.send("m3", control="stop")
    first, second = await stream.until("interrupt", "interrupt")
    assert (first["interrupt"]["cause"], second["interrupt"]["cause"]) == ("message", "stop")
    await stream.leave()


async def test_steers_come_with_all_that_is_offered_and_what_was_seen_is_not_sent_again(
    serve: Serve,
) -> None:
    service = await serve(busy={"same_sender": "steer"})
    stream = await opened(listen(service))
    run = (await service.send("m1"))["run"]
    await service.send("m2")
    (data,) = await stream.until("steer")
    assert [(m["message_id"], m["text"]) for m in data["steer"]] == [("m2", "text of m2")]
    await service.send("m3")
    _, data = await stream.until("steer", "steer")
    assert {m["message_id"] for m in data["steer"]} == {"m2", "m3"}
    await service.heartbeat(run, seen=["m2"])
    services(service).signals.signalled("")
    again = listen(service)
    (data,) = await again.until("steer")
    assert [m["message_id"] for m in data["steer"]] == ["m3"]
    assert len(stream.events()) == 2, "what this stream had was sent again"
    await stream.leave()
    await again.leave()


async def test_an_edit_of_an_offered_steer_is_sent(serve: Serve) -> None:
    service = await serve(busy={"same_sender": "steer"})
    stream = await opened(listen(service))
    await service.send("m1")
    await service.send("m2")
    await stream.until("steer")
    source = {"platform": "discord", "chat_type": "group", "chat_id": "123"}
    body = {"source": source, "message_id": "m2", "text": "another"}
    assert (await service.post("/v1/messages/amend", body))["result"] == "updated"
    services(service).signals.signalled("")
    _, data = await stream.until("steer", "steer")
    assert [m["text"] for m in data["steer"]] == ["another"]
    await stream.leave()


@pytest.mark.parametrize("how", ["forced", "lease_expired"])
async def test_a_holder_is_told_that_it_lost_its_run_and_how(serve: Serve, how: str) -> None:
    service = await serve(lease_seconds=1)
    stream = await opened(listen(service))
    run = (await service.send("m1"))["run"]
    if how == "forced":
        await act(service, "release")
    (data,) = await stream.until("lease_lost")
    assert (data["run_id"], data["fence"], data["ended"]) == (run["id"], run["fence"], how)
    await stream.leave()


async def test_what_is_outstanding_is_sent_again_on_connect_and_once_a_stream(
    serve: Serve,
) -> None:
    service = await serve(busy={"same_sender": "steer"})
    run = (await service.send("m1"))["run"]
    await service.send("m2")
    await act(service, "interrupt")
    for _ in range(2):
        stream = listen(service)
        await stream.until("interrupt", "steer")
        for _ in range(3):
            services(service).signals.signalled("")
            await asyncio.sleep(0.02)
        assert len(stream.events()) == 2
        await stream.leave()
    await service.complete(run, "interrupted", next=False)
    stream = await opened(listen(service))
    assert stream.events() == [], "an ended run has nothing outstanding"
    await stream.leave()


async def test_a_message_on_one_router_reaches_a_stream_on_another(serve: Serve) -> None:
    here, there = await serve(), await serve()
    stream = await opened(listen(there))
    await here.send("m1")
    await here.send("m2")
    await stream.until("interrupt")
    await stream.leave()


async def test_two_streams_of_one_consumer_both_hear(serve: Serve) -> None:
    service = await serve()
    streams = [await opened(listen(service)) for _ in range(2)]
    await service.send("m1")
    await service.send("m2")
    for stream in streams:
        await stream.until("interrupt")
        await stream.leave()


async def test_another_consumer_hears_nothing(serve: Serve) -> None:
    service = await serve()
    other, own = await opened(listen(service, "gw-2")), await opened(listen(service))
    await service.send("m1")
    await service.send("m2")
    await own.until("interrupt")
    assert other.events() == []
    await own.leave()
    await other.leave()


async def test_two_tokens_with_one_consumer_name_do_not_hear_each_other(serve: Serve) -> None:
    service = await serve(tokens=("one", "two"))
    calls = {
        name: Call(service.app, "GET", "/v1/signals?consumer=gw-1", token=name)
        for name in ("one", "two")
    }
    for call in calls.values():
        await opened(call)
    await service.with_token("one").send("m1")
    await service.with_token("one").send("m2")
    await calls["one"].until("interrupt")
    services(service).signals.signalled("")
    await asyncio.sleep(0.05)
    assert calls["two"].events() == []
    for call in calls.values():
        await call.leave()


async def test_a_comment_keeps_a_silent_stream_alive(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(signals, "KEEP_ALIVE_SECONDS", 0.1)
    stream = listen(await serve())
    await stream.until_text(b": still here\n\n: still here\n\n")
    assert stream.body.startswith(b"retry: 1000\n\n")
    await stream.leave()


async def test_a_looked_at_stream_without_news_is_kept_alive_too(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(signals, "KEEP_ALIVE_SECONDS", 0.3)
    service = await serve()
    stream = listen(service)
    for _ in range(8):
        services(service).signals.signalled("")
        await asyncio.sleep(0.1)
    assert b": still here" in stream.body
    await stream.leave()


async def test_a_slow_reader_holds_up_nobody_and_gets_what_is_outstanding_later(
    serve: Serve,
) -> None:
    service = await serve(busy={"same_sender": "steer"})
    slow, quick = await opened(listen(service)), await opened(listen(service))
    slow.pause()
    await service.send("m1")
    for number in range(2, 12):
        await service.send(f"m{number}")
    await eventually(lambda: steered(quick) == 10)
    slow.resume()
    await eventually(lambda: steered(slow) == 10)
    assert len(slow.events()) <= 3, "signals piled up"
    await slow.leave()
    await quick.leave()


def steered(stream: Call) -> int:
    """How many messages the last event of a stream offers."""
    return len(stream.events()[-1][1]["steer"]) if stream.events() else 0


@pytest.mark.parametrize("reads", [True, False])
async def test_consumers_that_vanish_leave_no_stream_behind(serve: Serve, reads: bool) -> None:
    service = await serve()
    streams = [await opened(listen(service, f"gw-{number}")) for number in range(20)]
    assert services(service).signals.open_streams() == 20
    await service.send("m1", consumer="gw-0")
    for stream in streams:
        if not reads:
            stream.pause()
    await service.send("m2")
    await asyncio.gather(*(stream.leave() for stream in streams))
    assert services(service).signals.open_streams() == 0
    assert not services(service).signals._streams


async def test_after_the_publications_connection_was_killed_hints_are_heard_again(
    serve: Serve, redis: "Redis", monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(signals, "LOOK_SECONDS", 1.0)
    service = await serve()
    stream = await opened(listen(service))
    await service.send("m1")
    redis.client_kill_filter(_type="pubsub")
    await service.send("m2")
    await stream.until("interrupt", seconds=2.0)
    await eventually(lambda: redis.pubsub_numsub("sr:signals")[0][1])
    await asyncio.sleep(0.05)
    await service.send("m3", control="stop")
    await stream.until("interrupt", "interrupt")
    await stream.leave()
