"""What scripts are given: a message's parts as the texts that they read."""

from base64 import urlsafe_b64encode
from collections.abc import Sequence
from datetime import UTC, datetime
from hashlib import blake2b

from pydantic_core import to_json

from app.json_text import short_json_of
from app.routing.daily import daily_boundaries
from app.routing.keys import SessionKey, chat_of
from app.routing.policy import Reset
from app.routing.route import Routing
from app.store.chat_memories import Hearing
from app.store.keys import home_digest
from app.store.replies import StoredBody, StoredMessage
from app.store.unchecked import unchecked
from session_router.models import Data, Message, ReplyTo, ResolveRequest, Source, Usage

_stored_message = unchecked(StoredMessage)


def hearing_arguments(hearing: Hearing | None) -> tuple[str | int, str, str]:
    """The version that was looked at, the memory with the message, and why."""
    if hearing is None:
        return "", "", ""
    return hearing.version, hearing.memory_text, hearing.choice.why


def boundaries(reset: Reset, clock: str) -> str:
    """The days around now, in milliseconds, ascending; empty where no day resets."""
    # The script picks by the store's clock: a router's may be a day off and still be of use.
    if reset.mode not in {"daily", "both"}:
        return ""
    now = datetime.fromtimestamp(int(clock) / 1_000_000, UTC) if clock else datetime.now(UTC)
    boundaries = daily_boundaries(now, reset.at_hour, reset.timezone)
    return " ".join(str(int(moment.timestamp() * 1000)) for moment in boundaries)


def flag(value: bool) -> str:
    """A truth as scripts read it: `1`, or empty."""
    return "1" if value else ""


def text_print(text: str) -> str:
    """48 bits that stand for a text."""
    return urlsafe_b64encode(blake2b(text.encode(), digest_size=6).digest()).decode()


def participant_of(source: Source) -> str:
    """A person as the participants of a session show one."""
    return to_json({"user_id": source.user_id or "", "user_name": source.user_name}).decode()


def body_of(message: Message, routing: Routing | None) -> StoredBody:
    """The part of a message that scripts hand on unread."""
    stored = _stored_message(
        source=message.source,
        payload=message.payload,
        reply_to=message.reply_to,
        mentions=message.mentions,
        kind=message.kind,
        group=message.group,
        answers=message.answers,
        sent_at=message.sent_at,
        thread_id=routing.thread_id if routing and routing.opens_thread else None,
    )
    return StoredBody(short_json_of(stored).decode(), stored)


def reply_id_of(message: Message | ResolveRequest) -> str | None:
    """The id of the message that is replied to."""
    reply_to = message.reply_to
    return reply_to.message_id if isinstance(reply_to, ReplyTo) else reply_to


def milliseconds(moment: datetime | None) -> str:
    """A moment as scripts compare it."""
    return "" if moment is None else str(int(moment.timestamp() * 1000))


def data_argument(data: Data | None) -> str:
    """The gateway's own JSON, empty to leave it as it was."""
    return "" if data is None else to_json(data).decode()


def posts_arguments(sent: Sequence[str], session: SessionKey) -> tuple[str | int, ...]:
    """How many posts, then each with what it is looked up by; '' in a session that spans chats."""
    if not sent:
        return (0,)
    chat = chat_of(session)
    named = ((post, home_digest(chat, post) if chat else "") for post in sent)
    return len(sent), *(part for both in named for part in both)


def usage_arguments(usage: Usage | None) -> tuple[str, str, str]:
    """The report whole, its context tokens, its context limit."""
    if usage is None:
        return "", "", ""
    tokens, limit = usage.context_tokens, usage.context_limit
    text = usage.model_dump_json(exclude_none=True)
    return text, _number(tokens), _number(limit)


def _number(value: int | None) -> str:
    return "" if value is None else str(value)
