"""Who is there: routers, consumers, and the caller itself."""

from typing import Literal

from session_router.models.fields import Moment, Words


class Router(Words):
    """A process that serves: one worker of one replica."""

    name: str
    version: str
    started_at: Moment
    last_seen_at: Moment


class RouterList(Words):
    """The routers that were there within the last minute, by name."""

    routers: tuple[Router, ...]


class Consumer(Words):
    """A gateway or worker process: the agents it worked for, and how many runs it holds.

    `token` is the name of its token, null where none was asked for; `agents` is empty for one
    that only claims, for any agent.
    """

    consumer: str
    token: str | None = None
    agents: tuple[str, ...] = ()
    runs: int
    last_seen_at: Moment


class ConsumerList(Words):
    """The consumers that called within the last hour, the latest first, at most 1,000."""

    consumers: tuple[Consumer, ...]


class TokenAccess(Words):
    """What the caller may do. `role` is null where a token is needed and none was sent.

    `name` is the token's, null where none is needed; `agents` are those it may see, null for all.
    """

    name: str | None = None
    role: Literal["gateway", "viewer", "operator"] | None = None
    agents: tuple[str, ...] | None = None
