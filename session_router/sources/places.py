"""Who sent a message, and where, as a payload tells it."""

from typing import NamedTuple

from session_router.models import ChatType, Source
from session_router.sources.payloads import IsModerator


class Sender(NamedTuple):
    """Who sent a message, as far as it is known; `is_moderator` if the payload says so itself."""

    user_id: str | None = None
    name: str | None = None
    is_bot: bool = False
    is_moderator: bool = False
    aliases: tuple[str, ...] = ()


class Place(NamedTuple):
    """Platform, account, scope, chat and thread of a message."""

    platform: str
    account: str
    chat_type: ChatType
    chat_id: str
    thread_id: str | None = None
    scope: str | None = None

    def source(self, sender: Sender, is_moderator: IsModerator) -> Source:
        """Return the source of what was sent here; `is_moderator` is the gateway's knowledge."""
        user_id = sender.user_id
        return Source(
            **self._asdict(),
            user_id=user_id,
            user_name=sender.name,
            user_aliases=sender.aliases,
            is_bot=sender.is_bot,
            is_moderator=sender.is_moderator
            or (user_id is not None and is_moderator(self.chat_id, user_id)),
        )
