"""Live leases by the hundred thousand: the real verb, its calls in pipelines."""

import socket
from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import Any
from urllib.parse import unquote

import hiredis

from app.routing.keys import ChatName
from app.routing.policy import policy_from
from app.routing.route import route
from app.routing.rules import Rulebook
from app.store.admissions import routed
from app.store.keys import home_digest
from app.store.scripts import LIBRARY, Script
from app.store.session_store import SessionStore
from app.store.store_client import Reply, StoreClient
from bench.machine import Json, message
from session_router.models import CompleteRequest, Decision, Message, Run

AT_ONCE = 500
CONSUMERS = 100


class Seeder:
    """Admits messages as a router with this policy would."""

    def __init__(self, client: StoreClient, policy: Json) -> None:
        self._store = SessionStore(client, 1)
        self._rulebook = Rulebook(policy_from(policy))

    async def admit(self, body: Json) -> Decision:
        message = Message.model_validate(body)
        assert message.source is not None
        routing = route(self._rulebook, message.agent, message.kind, message.source)
        decision = await self._store.admit(routed(message, routing, ""))
        assert isinstance(decision, Decision)
        return decision

    async def complete(self, run: Run) -> None:
        request = CompleteRequest(fence=run.fence, outcome="completed")
        await self._store.complete(run.id, request)


class _Heard(Exception):
    """The call was noted, and not made."""


class _Listener(StoreClient):
    """Notes the call that a verb makes, the one that brings the settings."""

    command: tuple[Any, ...] = ()

    async def call(self, script: Script, keys: Sequence[str], *arguments: str | int) -> Reply:
        is_first = not self.command
        self.command = (LIBRARY.function(script), len(keys), *keys, *arguments)
        if is_first:
            return ["settings"]  # the next one brings them
        raise _Heard


async def seed(url: str, policy: Json, leases: int) -> None:
    """Grant runs to so many sessions, in the same calls of `admit` that a router makes."""
    listener = _Listener(url, 5.0)
    with suppress(_Heard):
        await Seeder(listener, policy).admit(message("m1", _chat(0), _consumer(0)))
    await listener.close()
    _run_all(url, listener.command, leases)


def _run_all(url: str, first: tuple[Any, ...], leases: int) -> None:
    # On a plain socket: redis-py would take ten times as long for its part of it.
    with socket.socket(socket.AF_UNIX) as store:
        store.connect(unquote(url.removeprefix("unix://")))
        replies = hiredis.Reader()
        load: Any = ("FUNCTION", "LOAD", "REPLACE", LIBRARY.text)
        store.sendall(hiredis.pack_command(load))
        _take(store, replies, 1)
        for start in range(0, leases, AT_ONCE):
            commands = list(_commands(first, range(start, min(start + AT_ONCE, leases))))
            packed = (hiredis.pack_command(("FCALL", *command)) for command in commands)
            store.sendall(b"".join(packed))
            assert all(reply[0] == b"run" for reply in _take(store, replies, len(commands)))


def _take(store: socket.socket, replies: hiredis.Reader, count: int) -> list[Any]:
    taken: list[Any] = []
    while len(taken) < count:
        reply = replies.gets()
        if reply is False:
            replies.feed(store.recv(1 << 20))
        else:
            taken.append(reply)
    return taken


def _commands(first: tuple[Any, ...], numbers: range) -> Iterator[list[Any]]:
    """The first message's call, with the names of the others in it."""
    digest = _digest(0)
    for number in numbers:
        chat, consumer = _chat(number), _consumer(number)
        yield [
            part
            if not isinstance(part, str)
            else _digest(number)
            if part == digest
            else part.replace(_chat(0), chat).replace(_consumer(0), consumer)
            for part in first
        ]


def _chat(number: int) -> str:
    return f"chat-{number:07}"


def _consumer(number: int) -> str:
    return f"gateway-{number % CONSUMERS:03}"


def _digest(number: int) -> str:
    return home_digest(ChatName(f"agent:main:discord:{_chat(number)}"), "m1")
