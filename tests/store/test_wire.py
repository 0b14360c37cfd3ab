"""Every way a connection to the store can end, and what becomes of the calls that are on it.

The server here is one that says what the test wants, piece by piece; a real one is used where its
own behaviour matters.
"""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any
from unittest.mock import AsyncMock

import pytest
import trustme
from redis import Redis

from app.errors import StoreUnavailable
from app.settings import SettingsError
from app.store import scripts
from app.store.keys import SHARDS
from app.store.pipe import Pipe
from app.store.store_client import StoreClient
from app.store.topology import NamedPrimary, Servers
from app.store.wire import (
    IN_FLIGHT_MAX,
    UNSENT_BYTES_MAX,
    Refusal,
    TooLate,
    Unanswered,
    Unreachable,
    Wire,
)
from app.store_address import RedisUrl, SentinelAddress, parse_store_address
from tests.store.scripted_server import Peer, bulk, echo, line, silence
from tests.survival.eventually import eventually

TIMEOUT_SECONDS = 5.0
SHORT_SECONDS = 0.2


@asynccontextmanager
async def pipe_to(url: RedisUrl, timeout_seconds: float = TIMEOUT_SECONDS) -> AsyncIterator[Pipe]:
    pipe = Pipe(Servers(url, timeout_seconds).open)
    try:
        yield pipe
    finally:
        await pipe.close()


def soon(seconds: float = TIMEOUT_SECONDS) -> float:
    return asyncio.get_running_loop().time() + seconds


async def both(*calls: Awaitable[Any]) -> list[Any]:
    """Replies, or what was raised."""
    return list(await asyncio.gather(*calls, return_exceptions=True))


def wire_of(pipe: Pipe) -> Wire:
    assert pipe._wire is not None
    return pipe._wire


async def test_many_calls_share_one_connection_and_each_gets_its_own_reply() -> None:
    async with line(echo) as server, pipe_to(server.url) as pipe:
        calls = (pipe.execute(("ECHO", f"é{n}"), soon()) for n in range(500))
        assert await asyncio.gather(*calls) == [f"é{n}" for n in range(500)]
        assert server.accepted == 1


async def test_a_transport_that_closes_while_it_connects_is_a_connection_that_ended(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def closed(*_: object, **__: object) -> None:
        raise RuntimeError("unable to perform operation on <TCPTransport closed=True>")

    monkeypatch.setattr("redis.asyncio.connection.Connection.connect", closed)
    async with line(echo) as server, pipe_to(server.url) as pipe:
        with pytest.raises(Unreachable, match="closed=True"):
            await pipe.execute(("ECHO", "a"), soon())


async def test_a_transport_that_closes_under_a_write_ends_its_wire_and_the_call_is_asked_anew(
    store_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def closed(_: bytes) -> None:
        raise RuntimeError("unable to perform operation on <TCPTransport closed=True>")

    async with pipe_to(RedisUrl(store_url)) as pipe:
        assert await pipe.execute(("ECHO", "a"), soon()) == "a"
        wire = wire_of(pipe)
        monkeypatch.setattr(wire, "_transport", Closed(wire._transport, closed))
        assert await pipe.execute(("ECHO", "b"), soon()) == "b"
        assert wire_of(pipe) is not wire


@pytest.mark.parametrize("how", ["refuses to be written to", "drops what is written"])
async def test_a_call_that_had_not_left_is_sent_again_though_it_is_to_be_done_once(
    store_url: str, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    def closed(_: bytes) -> None:
        raise RuntimeError("unable to perform operation on <TCPTransport closed=True>")

    async with pipe_to(RedisUrl(store_url)) as pipe:
        assert await pipe.execute(("ECHO", "a"), soon()) == "a"
        wire = wire_of(pipe)
        if how == "drops what is written":
            wire._transport.close()
        else:
            monkeypatch.setattr(wire, "_transport", Closed(wire._transport, closed))
        assert await pipe.execute(("ECHO", "b"), soon(), once=True) == "b"
        assert wire_of(pipe) is not wire


async def test_a_call_that_is_to_be_done_once_is_not_sent_again_when_it_had_left() -> None:
    async def half(peer: Peer) -> None:
        await peer.command()
        await peer.say("$10\r\nhalf")
        peer.hang_up()

    async with line(half, echo) as server, pipe_to(server.url) as pipe:
        with pytest.raises(Unanswered):
            await pipe.execute(("ECHO", "x"), soon(), once=True)
        assert server.accepted == 1


async def mute(peer: Peer) -> None:
    await peer.command()
    await peer.stay()


async def test_of_calls_on_a_connection_that_ended_those_that_had_left_are_known() -> None:
    async with line(mute, echo) as server, pipe_to(server.url) as pipe:
        calls = [asyncio.create_task(pipe.execute(("ECHO", "1"), soon(), once=True))]
        await eventually(lambda: pipe._wire is not None and wire_of(pipe)._sent == 1)
        calls += [asyncio.create_task(pipe.execute(("ECHO", "2"), soon(), once=True))]
        await asyncio.sleep(0)  # it is called, and leaves with the next turn
        assert wire_of(pipe)._sent == 1
        wire_of(pipe).end(Unreachable("as if by the server"))
        first, second = await both(*calls)
        assert isinstance(first, Unanswered)
        assert second == "2"


async def test_a_word_that_nobody_asked_for_is_no_reply_to_a_call_that_has_not_left() -> None:
    async with line(mute, echo) as server, pipe_to(server.url) as pipe:
        await pipe._ready_wire(soon())
        call = asyncio.create_task(pipe.execute(("ECHO", "mine"), soon()))
        await asyncio.sleep(0)
        wire_of(pipe).data_received(b"+nobody's\r\n")
        assert await call == "mine"
        assert server.accepted == 2


async def test_what_cannot_be_packed_fails_alone_and_leaves_nothing_behind() -> None:
    async with line(echo) as server, pipe_to(server.url) as pipe:
        with pytest.raises(TypeError):
            await pipe.execute(("ECHO", object()), soon(), asking=True)  # type: ignore[arg-type]
        assert wire_of(pipe).is_idle
        assert await pipe.execute(("ECHO", "x"), soon()) == "x"


class Closed:
    """A transport that refuses to be written to, as uvloop's does when it has just closed."""

    def __init__(self, transport: Any, write: Any) -> None:
        self.abort = transport.abort
        self.is_closing = transport.is_closing
        self.write = write


async def test_the_calls_of_one_turn_leave_as_one_write() -> None:
    sizes: list[int] = []

    async def count(peer: Peer) -> None:
        read = peer._reader.read

        async def counted(size: int) -> bytes:
            data = await read(size)
            sizes.append(data.count(b"ECHO"))
            return data

        peer._reader.read = counted  # type: ignore[method-assign, assignment]
        await echo(peer)

    async with line(count) as server, pipe_to(server.url) as pipe:
        await pipe.execute(("ECHO", "first"), soon())
        await asyncio.gather(*(pipe.execute(("ECHO", "x"), soon()) for _ in range(20)))
        assert sizes[-1] == 20


async def test_a_reply_in_pieces_is_one_reply() -> None:
    async def in_pieces(peer: Peer) -> None:
        await peer.command()
        for piece in ("*2\r\n$3\r\na", "b", "c\r", "\n:7\r\n+", "OK\r\n"):
            await peer.say(piece)
            await asyncio.sleep(0.01)
        await peer.stay()

    async with line(in_pieces) as server, pipe_to(server.url) as pipe:
        first, second = pipe.execute(("A",), soon()), pipe.execute(("B",), soon())
        assert await both(first, second) == [["abc", 7], "OK"]


async def test_half_a_reply_and_then_the_end_is_asked_again_on_a_new_connection() -> None:
    async def half(peer: Peer) -> None:
        await peer.command()
        await peer.say("$10\r\nhalf")
        peer.hang_up()

    async with line(half, echo) as server, pipe_to(server.url) as pipe:
        assert await pipe.execute(("ECHO", "whole"), soon()) == "whole"
        assert server.accepted == 2


async def test_a_connection_that_ends_twice_is_told_and_the_next_call_tries_anew() -> None:
    async def end(peer: Peer) -> None:
        await peer.command()
        peer.hang_up()

    async with line(end, end, echo) as server, pipe_to(server.url) as pipe:
        with pytest.raises(Unreachable):
            await pipe.execute(("ECHO", "x"), soon())
        assert await pipe.execute(("ECHO", "x"), soon()) == "x"


async def test_every_call_in_flight_is_asked_again_and_none_gets_anothers_reply() -> None:
    async def some(peer: Peer) -> None:
        for _ in range(10):
            await peer.say(bulk((await peer.command())[1]))
        peer.hang_up()

    async with line(some, echo) as server, pipe_to(server.url) as pipe:
        calls = (pipe.execute(("ECHO", str(n)), soon()) for n in range(100))
        assert await asyncio.gather(*calls) == [str(n) for n in range(100)]


async def test_a_connection_ended_while_idle_is_made_anew_without_a_word() -> None:
    async def once(peer: Peer) -> None:
        await peer.say(bulk((await peer.command())[1]))
        peer.hang_up()

    async with line(once, echo) as server, pipe_to(server.url) as pipe:
        assert await pipe.execute(("ECHO", "1"), soon()) == "1"
        await eventually(lambda: wire_of(pipe).is_over)
        assert await pipe.execute(("ECHO", "2"), soon()) == "2"


async def test_no_server_is_told_at_once() -> None:
    async with line() as server:
        url = server.url
    async with pipe_to(url) as pipe:
        with pytest.raises(Unreachable):
            await asyncio.wait_for(pipe.execute(("ECHO", "x"), soon()), 2)


async def test_a_server_that_accepts_and_never_greets_is_given_up_in_time() -> None:
    async with line(silence) as server, pipe_to(server.url, SHORT_SECONDS) as pipe:
        with pytest.raises(Unreachable):
            await pipe.execute(("ECHO", "x"), soon(SHORT_SECONDS))


async def test_a_call_without_a_reply_ends_its_connection_so_that_no_reply_is_anothers() -> None:
    async def late(peer: Peer) -> None:
        await peer.command()
        await peer.stay()

    async with line(late, echo) as server, pipe_to(server.url, SHORT_SECONDS) as pipe:
        with pytest.raises(TooLate):
            await pipe.execute(("ECHO", "late"), soon(SHORT_SECONDS))
        assert await pipe.execute(("ECHO", "next"), soon()) == "next"
        assert server.accepted == 2


async def test_who_has_time_left_is_asked_again_when_another_ran_out_of_it() -> None:
    async def late(peer: Peer) -> None:
        await peer.command()
        await peer.stay()

    async with line(late, echo) as server, pipe_to(server.url, SHORT_SECONDS) as pipe:
        hurried = asyncio.create_task(pipe.execute(("ECHO", "1"), soon(SHORT_SECONDS)))
        patient = asyncio.create_task(pipe.execute(("ECHO", "2"), soon()))
        with pytest.raises(TooLate):
            await hurried
        assert await patient == "2"
        assert server.accepted == 2


async def test_a_cancelled_call_leaves_the_others_their_replies() -> None:
    go = asyncio.Event()

    async def on_word(peer: Peer) -> None:
        words = [(await peer.command())[1] for _ in range(3)]
        await go.wait()
        for word in words:
            await peer.say(bulk(word))
        await echo(peer)

    async with line(on_word) as server, pipe_to(server.url) as pipe:
        calls = [asyncio.create_task(pipe.execute(("ECHO", str(n)), soon())) for n in range(3)]
        await eventually(lambda: len(pipe._wire._in_flight if pipe._wire else ()) == 3)
        calls[1].cancel()
        go.set()
        assert (await calls[0], await calls[2]) == ("0", "2")
        assert await pipe.execute(("ECHO", "3"), soon()) == "3"
        assert server.accepted == 1


async def test_a_caller_cancelled_while_it_connects_leaves_the_others_their_connection() -> None:
    async with line(echo) as server, pipe_to(server.url) as pipe:
        first = asyncio.create_task(pipe.execute(("ECHO", "1"), soon()))
        second = asyncio.create_task(pipe.execute(("ECHO", "2"), soon()))
        await asyncio.sleep(0)
        first.cancel()
        assert await second == "2"
        assert server.accepted == 1


async def test_no_more_than_so_many_are_in_flight_and_the_rest_wait_their_turn() -> None:
    most = 0

    async def in_lumps(peer: Peer) -> None:
        while True:
            await peer.say(bulk((await peer.command())[1]))

    async with line(in_lumps) as server, pipe_to(server.url) as pipe:
        count = IN_FLIGHT_MAX * 3
        calls = [
            asyncio.create_task(pipe.execute(("ECHO", str(n)), soon(20))) for n in range(count)
        ]
        while not all(call.done() for call in calls):
            most = max(most, len(pipe._wire._in_flight) if pipe._wire else 0)
            await asyncio.sleep(0)
        assert [await call for call in calls] == [str(n) for n in range(count)]
        assert most == IN_FLIGHT_MAX


async def test_writers_wait_while_the_server_takes_nothing_in() -> None:
    go = asyncio.Event()

    async def slow(peer: Peer) -> None:
        await peer.say(bulk((await peer.command())[1]))
        await go.wait()
        await echo(peer)

    async with line(slow) as server, pipe_to(server.url) as pipe:
        await pipe.execute(("ECHO", "first"), soon())
        text = "x" * (UNSENT_BYTES_MAX // 2)
        calls = [asyncio.create_task(pipe.execute(("ECHO", text), soon(20))) for _ in range(60)]
        await eventually(lambda: not wire_of(pipe)._takes_more)
        assert not wire_of(pipe).is_ready
        assert len(wire_of(pipe)._in_flight) < 60
        with pytest.raises(TooLate):
            await pipe.execute(("ECHO", "y"), soon(SHORT_SECONDS))
        go.set()
        assert [await call for call in calls] == [text] * 60


async def test_nonsense_ends_the_connection() -> None:
    async def nonsense(peer: Peer) -> None:
        await peer.command()
        await peer.say("!!\r\n")
        await peer.stay()

    async with line(nonsense, echo) as server, pipe_to(server.url) as pipe:
        assert await pipe.execute(("ECHO", "x"), soon()) == "x"
        assert server.accepted == 2


async def test_an_answer_to_nothing_ends_the_connection() -> None:
    async def twice(peer: Peer) -> None:
        await peer.command()
        await peer.say("+one\r\n+two\r\n")
        await peer.stay()

    async with line(twice, echo) as server, pipe_to(server.url) as pipe:
        assert await pipe.execute(("ECHO", "x"), soon()) == "one"
        await eventually(lambda: wire_of(pipe).is_over)
        assert await pipe.execute(("ECHO", "x"), soon()) == "x"


async def test_a_refusal_is_its_own_callers_alone() -> None:
    async def refuse_first(peer: Peer) -> None:
        await peer.command()
        await peer.command()
        await peer.say("-ERR no\r\n+yes\r\n")
        await peer.stay()

    async with line(refuse_first) as server, pipe_to(server.url) as pipe:
        first, second = pipe.execute(("A",), soon()), pipe.execute(("B",), soon())
        refused, answered = await both(first, second)
        assert isinstance(refused, Refusal)
        assert (refused.word, refused.rest, answered) == ("ERR", "no", "yes")


async def test_a_server_that_became_a_replica_is_left_and_asked_for_anew() -> None:
    async def demoted(peer: Peer) -> None:
        await peer.command()
        await peer.command()
        await peer.say("-READONLY You can't write against a read only replica.\r\n")
        await asyncio.sleep(0.05)
        await peer.say("+still answered\r\n")
        await peer.stay()

    async with line(demoted, echo) as server, pipe_to(server.url) as pipe:
        write, read = pipe.execute(("ECHO", "w"), soon()), pipe.execute(("ECHO", "r"), soon())
        assert await both(write, read) == ["w", "still answered"]
        assert server.accepted == 2


async def test_over_tls_the_certificate_is_checked_and_all_is_the_same(tmp_path: Path) -> None:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(tls)
    async with line(echo, echo, echo, tls=tls) as server:
        address = f"rediss://127.0.0.1:{server.port}"
        async with pipe_to(RedisUrl(address)) as pipe:
            with pytest.raises(Unreachable, match="certificate"):
                await pipe.execute(("ECHO", "x"), soon())
        async with pipe_to(RedisUrl(f"{address}?ssl_ca_certs={tmp_path}/ca.pem")) as pipe:
            texts = [str(n) * 1000 for n in range(200)]
            calls = (pipe.execute(("ECHO", text), soon()) for text in texts)
            assert await asyncio.gather(*calls) == texts
            wire_of(pipe)._transport.abort()
            assert await pipe.execute(("ECHO", "x"), soon()) == "x"


def test_an_option_that_redis_py_does_not_take_is_refused_at_the_start() -> None:
    for url in ("redis://:hunter2@db/0?no_such_option=1", "redis://:hunter2@db?socket_timeout=x"):
        with pytest.raises(SettingsError, match="SESSION_ROUTER_REDIS_URL") as caught:
            StoreClient(url, 1.0)
        assert "hunter2" not in str(caught.value)


async def test_bytes_that_are_no_text_fail_their_own_call_alone(store_url: str) -> None:
    with Redis.from_url(store_url) as redis:
        redis.set("bytes", b"\xff\xfe")
        redis.set("text", "é")
    async with pipe_to(RedisUrl(store_url)) as pipe:
        bad, good = pipe.execute(("GET", "bytes"), soon()), pipe.execute(("GET", "text"), soon())
        failed, answered = await both(bad, good)
        assert isinstance(failed, UnicodeDecodeError)
        assert answered == "é"
        wire = wire_of(pipe)
        assert await pipe.execute(("GET", "text"), soon()) == "é"
        assert wire_of(pipe) is wire


async def test_every_caller_of_an_unknown_script_gets_its_reply(store_url: str) -> None:
    client = StoreClient(store_url, TIMEOUT_SECONDS)
    with Redis.from_url(store_url) as redis:
        redis.function_flush()
        replies = await asyncio.gather(
            *(client.call(scripts.READY, ["sr:{0}:ready_sets"], 1) for _ in range(20))
        )
        redis.function_flush()
        assert await client.call(scripts.READY, ["sr:{0}:ready_sets"], 1) == replies[0]
    assert all(reply == replies[0] for reply in replies)
    await client.close()


async def test_a_killed_connection_is_made_anew_under_calls(store_url: str) -> None:
    client = StoreClient(store_url, TIMEOUT_SECONDS)
    going = True

    async def ask() -> int:
        count = 0
        while going:
            with suppress(StoreUnavailable):  # killed twice within one call, which is told
                assert await client.set_if_absent(SHARDS, "1") == "1"
                count += 1
        return count

    asking = [asyncio.create_task(ask()) for _ in range(10)]
    with Redis.from_url(store_url) as redis:
        for _ in range(20):
            await asyncio.sleep(0.01)
            redis.execute_command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
    going = False
    assert all([await one for one in asking])
    await client.close()


async def test_a_closed_pipe_ends_what_is_in_flight() -> None:
    async def late(peer: Peer) -> None:
        await peer.command()
        await peer.stay()

    async with line(late, late) as server, pipe_to(server.url) as pipe:
        call: asyncio.Task[Any] = asyncio.create_task(pipe.execute(("ECHO", "x"), soon()))
        await eventually(lambda: pipe._wire is not None)
        wire = wire_of(pipe)
        call.cancel()
        await pipe.close()
        assert wire.is_over


async def test_callers_are_told_and_not_cancelled_when_a_pipe_is_closed_before_it_connects() -> (
    None
):
    async with line(echo) as server, pipe_to(server.url) as pipe:
        call = asyncio.create_task(pipe.execute(("ECHO", "x"), soon()))
        await asyncio.sleep(0)  # the connection is asked for, and not begun
        await pipe.close()
        with pytest.raises(Unreachable, match="closed"):
            await call
        with pytest.raises(Unreachable, match="closed"):
            await pipe.execute(("ECHO", "x"), soon())


async def test_a_connection_whose_role_is_not_known_yet_ends_with_its_pipe(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked, ended = asyncio.Event(), asyncio.Event()

    async def silent_on_its_role(peer: Peer) -> None:
        assert await peer.command() == ["ROLE"]
        asked.set()
        await peer.stay()
        ended.set()

    async with line(silent_on_its_role) as server:
        address = parse_store_address(f"redis+sentinel://127.0.0.1:{server.port}/mymaster/0")
        assert isinstance(address, SentinelAddress)
        primary = NamedPrimary(address, TIMEOUT_SECONDS)
        monkeypatch.setattr(primary, "_primary", AsyncMock(return_value=address.sentinels[0]))
        call = asyncio.create_task(primary.execute("key", ("ECHO", "x"), soon()))
        await asked.wait()
        await primary.close()
        await asyncio.wait_for(ended.wait(), TIMEOUT_SECONDS)
        with pytest.raises(Unreachable, match="closed"):
            await call
