"""Answers that do not end by themselves: server-sent events, as many as one process serves."""

from collections.abc import AsyncIterator

from starlette.responses import StreamingResponse

from app import metrics
from app.api.services import Services
from app.errors import TooManyStreams

HEADERS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}


def require_room(services: Services) -> None:
    """Raise `TooManyStreams` where as many are open as the settings allow, of all kinds."""
    is_open = services.signals.open_streams() + services.feed.open_streams()
    if is_open >= services.streams_max:
        raise TooManyStreams


def answer_stream(kind: str, events: AsyncIterator[bytes]) -> StreamingResponse:
    """Answer with a stream, counted by its kind while it is open."""
    return StreamingResponse(
        _counted(kind, events), media_type="text/event-stream", headers=HEADERS
    )


async def _counted(kind: str, events: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    with metrics.open_stream(kind):
        async for event in events:
            yield event
