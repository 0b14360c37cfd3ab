"""Where a message comes from, what it replies to, and the session it may go to instead."""

from typing import Annotated

from pydantic import Field, ValidationInfo, field_validator, model_validator

from session_router.models.fields import ID_CHARACTERS_MAX, Id, Name, Platform, Words
from session_router.models.vocabulary import ChatType

SESSION_KEY_CHARACTERS_MAX = 16_384  # every id percent-encoded to its longest


class ReplyTo(Words):
    """The message that is answered, and who wrote it."""

    message_id: Id
    user_id: Id | None = None


class Source(Words):
    """Where a message comes from: platform, account, scope, chat, thread, user.

    Inside a thread `chat_id` is the parent's. In a DM `user_id` may stand in for
    `chat_id`; after parsing, `chat_id` is always set.
    """

    platform: Platform
    account: Id = "default"
    scope: Id | None = None
    chat_type: ChatType
    chat_id: Id
    thread_id: Id | None = Field(default=None, validate_default=True)
    user_id: Id | None = None
    user_name: Name | None = None
    user_aliases: Annotated[tuple[Id, ...], Field(max_length=16)] = ()
    is_bot: bool = False
    is_moderator: bool = False

    @model_validator(mode="before")
    @classmethod
    def _dm_user_stands_in(cls, data: object) -> object:
        if isinstance(data, dict) and data.get("chat_type") == "dm":
            chat_id, user_id = data.get("chat_id"), data.get("user_id")
            if chat_id is None and user_id is not None:
                return {**data, "chat_id": user_id}
        return data

    @field_validator("thread_id", mode="after")
    @classmethod
    def _thread_has_an_id(cls, thread_id: str | None, info: ValidationInfo) -> str | None:
        if thread_id is None and info.data.get("chat_type") == "thread":
            raise ValueError("is needed for chat_type thread")
        return thread_id


class To(Words):
    """A session, and the id that it must still have, in place of a source."""

    session_key: Annotated[str, Field(min_length=1, max_length=SESSION_KEY_CHARACTERS_MAX)]
    session_id: Annotated[str, Field(min_length=1, max_length=ID_CHARACTERS_MAX)]
