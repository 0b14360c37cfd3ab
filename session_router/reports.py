"""What a run tells the router with its beats, kept until an answer shows that it was heard."""

from collections.abc import Mapping
from typing import Final, NamedTuple

from pydantic import JsonValue, TypeAdapter

from session_router.models import SENT_MAX, Data, Id, Usage

_DATA: Final[TypeAdapter[dict[str, JsonValue]]] = TypeAdapter(Data)
_ID: Final[TypeAdapter[str]] = TypeAdapter(Id)


class News(NamedTuple):
    """What one call reports and no call before it was heard to."""

    sent: tuple[str, ...] = ()
    hold: bool | None = None
    data: dict[str, JsonValue] | None = None


class Reports:
    """A run's reports. `usage` and `status` go with every call, the rest until it was heard."""

    def __init__(self, data: dict[str, JsonValue]) -> None:
        self.usage: Usage | None = None
        self.status: str | None = None
        self.data = data
        self._hold: bool | None = None
        self._new_data: dict[str, JsonValue] | None = None
        self._unheard: dict[str, None] = {}

    def note_sent(self, message_id: str | int) -> None:
        """Note a post. Raises `ValueError` for what is no id of a platform."""
        self._unheard[_ID.validate_python(message_id)] = None
        if len(self._unheard) > SENT_MAX:  # the router, too, keeps the newest
            del self._unheard[next(iter(self._unheard))]

    def set_data(self, data: Mapping[str, JsonValue]) -> None:
        """Replace the session's data. Raises `ValueError` for more than 8 KiB, or no JSON."""
        self.data = self._new_data = _DATA.validate_python(dict(data))

    def set_hold(self, *, hold: bool) -> None:
        """Keep interrupts and steers off, or let them in again."""
        self._hold = hold

    @property
    def news(self) -> News:
        """What the next call has to report."""
        return News(tuple(self._unheard), self._hold, self._new_data)

    @property
    def has_news(self) -> bool:
        """Whether there is something that no call was heard to report."""
        return self.news != News()

    def heard(self, news: News) -> None:
        """Let go of what was reported by a call that has its answer."""
        for message_id in news.sent:
            self._unheard.pop(message_id, None)
        if self._new_data is news.data:
            self._new_data = None
        if self._hold is news.hold:
            self._hold = None
