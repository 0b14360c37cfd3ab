"""What a platform's payload tells, in the router's words.

`session_router.sources` reads raw payloads into these; `Router.submit` takes them. Nothing
here knows a platform.
"""

from pydantic import AwareDatetime, Field, JsonValue

from session_router.models import Busy, Control, Kind, ReplyTo, Source, Words


class Incoming(Words):
    """A message, a button's answer (`answers`), an overheard line (`kind="context"`), a control.

    The fields are those of `POST /v1/messages`. `payload` is what the gateway wants back with
    the run.
    """

    message_id: str
    source: Source
    text: str = ""
    payload: JsonValue = Field(default_factory=dict)
    reply_to: str | ReplyTo | None = None
    mentions: tuple[str, ...] = ()
    kind: Kind = "user"
    control: Control | None = None
    busy: Busy | None = None
    group: str | None = None
    answers: str | None = None
    sent_at: AwareDatetime | None = None


class Edit(Words):
    """A message has another text now. Of `source` only the chat counts."""

    message_id: str
    source: Source
    text: str


class Deletion(Words):
    """A message was deleted on the platform. Of `source` only the chat counts."""

    message_id: str
    source: Source


class ChatMoved(Words):
    """A chat has another id from now on: `to` is a new name of `moved_from`."""

    platform: str
    account: str = "default"
    scope: str | None = None
    moved_from: str
    to: str


Event = Incoming | Edit | Deletion | ChatMoved
