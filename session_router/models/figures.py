"""How many sessions and messages there are, in all and by platform."""

from session_router.models.fields import Words


class SessionCounts(Words):
    """Sessions by state, exclusive: paused first, then running, then waiting."""

    idle: int = 0
    waiting: int = 0
    running: int = 0
    paused: int = 0


class MessageCounts(Words):
    """Messages by state; `accepted` is the sum of the others at any moment."""

    accepted: int = 0
    waiting: int = 0
    in_run: int = 0
    done: int = 0
    dead: int = 0
    removed: int = 0


class QueueStats(Words):
    """How much waits, and for how long the oldest has."""

    depth: int = 0
    oldest_wait_seconds: float = 0.0


class PlatformStats(Words):
    """The figures of one platform, or of all."""

    sessions: SessionCounts = SessionCounts()
    messages: MessageCounts = MessageCounts()
    queue: QueueStats = QueueStats()


class Stats(PlatformStats):
    """The answer to `GET /v1/stats`.

    Sessions that span platforms stand under `*`; messages always under their own.
    """

    by_platform: dict[str, PlatformStats]
