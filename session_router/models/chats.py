"""Chats that move, and threads that are made and bound."""

from typing import Annotated, Literal

from pydantic import Field

from session_router.models.fields import Id, Platform, Words


class MoveRequest(Words):
    """A chat whose id changed: the body of `POST /v1/chats/move`. `to` becomes a name of `from`."""

    agent: Id = "main"
    platform: Platform
    account: Id = "default"
    scope: Id | None = None
    from_: Annotated[Id, Field(alias="from")]
    to: Id


class Move(Words):
    """The chat that a moved chat's sessions are keyed by from now on: the first of its names."""

    chat_id: str


class ThreadToOpen(Words):
    """A thread that the gateway makes for this message, to answer there.

    Where `thread_id` is null the platform gives the id, and the gateway binds it to the
    session: `POST /v1/sessions/{key}/threads`.
    """

    action: Literal["create"]
    thread_id: str | None


class BindRequest(Words):
    """The body of `POST /v1/sessions/{key}/threads`: the id that the platform gave."""

    thread_id: Id


class Binding(Words):
    """The thread that a session is bound to."""

    session_key: str
    thread_id: str
