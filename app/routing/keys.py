"""The key grammar, and the only code that spells it.

Every id is a segment between colons, percent-encoded so that it can hold no colon, slash or
percent sign of its own and cannot read as a word of the layout. Hence two different lists of
parts never give one text, and a text that is a key tells its parts again.
"""

import re
import zlib
from functools import lru_cache
from typing import Final, NamedTuple, NewType, cast
from urllib.parse import unquote_to_bytes

from session_router.models import ChatType

SessionKey = NewType("SessionKey", str)
ChatName = NewType("ChatName", str)

# fmt: off
LAYOUT_WORDS: Final = frozenset((
    "agent", "account", "scope", "thread", "conversation", "opener", "person", "link", "main",
    "dm", "group", "channel", "forum",
))
# fmt: on
DEFAULT_ACCOUNT: Final = "default"

_PLATFORM = re.compile(r"[a-z0-9_-]{1,32}")
_UNSAFE = re.compile(r"[^ -~]|[:/%]")
_ID = "[^:/]+"
_CHAT_KEY = re.compile(
    rf"agent:(?P<agent>{_ID}):(?P<platform>{_ID})(?::account:(?P<account>{_ID}))?"
    rf":(?P<chat_type>dm|group|channel|forum|thread)(?::scope:(?P<scope>{_ID}))?"
    rf":(?P<chat_id>{_ID})(?::(?P<part>thread|opener|conversation):(?P<part_id>{_ID}))?"
    rf"(?::(?P<user_id>{_ID}))?"
)
_WHO = rf"{_ID}(?::(?:{_ID}/)?{_ID})?"
_SPANNING_KEY = re.compile(
    rf"agent:(?P<agent>{_ID}):(?P<rest>(?:main|link:(?P<link>{_ID})|person:(?P<person>{_WHO}))"
    rf"(?::(?P<place>(?P<platform>{_ID}):{_ID}:(?P<scope>{_ID})?:{_ID})"
    rf":thread:(?P<thread>{_ID}))?(?::(?P<who>{_WHO}))?)"
)
_SPANNING_WORDS = frozenset(("", ":", "/", "main", "link", "person", "thread"))


class InvalidKey(ValueError):
    """This text is no session key."""

    def __init__(self, key: str) -> None:
        super().__init__(f"{key[:200]!r} is no session key")


class Chat(NamedTuple):
    """A chat as keys name it; `scope` is None where the platform is not scoped."""

    agent: str
    platform: str
    account: str
    scope: str | None
    chat_id: str


def encode(id_: str) -> str:
    """Spell an id as one segment; different ids give different segments, case kept.

    Raises `UnicodeEncodeError` for lone surrogates, which no parsed message can hold.
    """
    # Nearly all ids are digits, and no word of the layout is.
    return id_ if id_.isdecimal() and id_.isascii() else _encoded(id_)


@lru_cache(maxsize=8_192)
def _encoded(id_: str) -> str:
    if id_ in LAYOUT_WORDS:
        return f"%{ord(id_[0]):02X}{id_[1:]}"
    return _encode_characters(id_)


@lru_cache(maxsize=1_024)
def encode_agent(agent: str) -> str:
    """Spell an agent as keys do: it may be a word of the layout, as `main` is."""
    return _encode_characters(agent)


def _encode_characters(id_: str) -> str:
    return _UNSAFE.sub(_percent, id_)


def _percent(match: re.Match[str]) -> str:
    return "".join(f"%{byte:02X}" for byte in match[0].encode())


def decode(segment: str) -> str:
    """Read the id that `encode` spelled; raises `ValueError` where the bytes are no UTF-8."""
    return unquote_to_bytes(segment).decode() if "%" in segment else segment


def chat_name(chat: Chat) -> ChatName:
    """Name the chat in which ids are unique; chat type, thread and user are no part of it."""
    scope = "" if chat.scope is None else f"scope:{encode(chat.scope)}:"
    return ChatName(f"{_platform(*chat[:3])}:{scope}{encode(chat.chat_id)}")


def chat_key(chat: Chat, chat_type: ChatType, user_id: str | None = None) -> SessionKey:
    """Build the key of a chat's session, or of one user's in it."""
    scope = "" if chat.scope is None else f"scope:{encode(chat.scope)}:"
    key = f"{_platform(*chat[:3])}:{chat_type}:{scope}{encode(chat.chat_id)}"
    return SessionKey(key if user_id is None else f"{key}:{encode(user_id)}")


def thread_key(chat: Chat, thread_id: str, user_id: str | None = None) -> SessionKey:
    """Build the key of a thread's session, or of one user's in it."""
    key = f"{chat_key(chat, 'thread')}{thread_part(thread_id)}"
    return SessionKey(key if user_id is None else f"{key}:{encode(user_id)}")


def thread_part(thread_id: str | None) -> str:
    """Spell the part of a key that names its thread, empty outside threads."""
    return "" if thread_id is None else f":thread:{encode(thread_id)}"


def opener_key(chat: Chat, message_id: str, user_id: str | None = None) -> SessionKey:
    """Build the key of a thread that is not bound yet, or of one user's in it.

    It is named after the message that opens it.
    """
    key = f"{chat_key(chat, 'thread')}:opener:{encode(message_id)}"
    return SessionKey(key if user_id is None else f"{key}:{encode(user_id)}")


def is_opened_by(key: str, message_id: str) -> bool:
    """Tell whether a session is the thread that this message, sent outside threads, opens."""
    part = _thread_part_of(key)
    return part is not None and part[1] == encode(message_id)


def conversation_key(chat: Chat, chat_type: ChatType, message_id: str) -> SessionKey:
    """Build the key of a conversation inside a chat, named after its opener."""
    return SessionKey(f"{chat_key(chat, chat_type)}:conversation:{encode(message_id)}")


def person_key(agent: str, who: str) -> SessionKey:
    """Build the key of a person's session; `who` as `person` or `identity` spells one."""
    return SessionKey(f"agent:{encode_agent(agent)}:person:{who}")


def link_key(agent: str, name: str) -> SessionKey:
    """Build the key of the session that linked chats share."""
    return SessionKey(f"agent:{encode_agent(agent)}:link:{encode(name)}")


def inside(key: SessionKey, part: str) -> SessionKey:
    """Build the key of a part of a session that spans chats: a place, or a person."""
    return SessionKey(f"{key}:{part}")


def main_key(agent: str) -> SessionKey:
    """Build the key of the one session for all DMs of an agent."""
    return SessionKey(f"agent:{encode_agent(agent)}:main")


def place(chat: Chat, thread_id: str | None, mark: str = "") -> str:
    """Spell the place of a message: platform, account, scope, chat and thread.

    Absent parts are empty segments; `mark` stands before the thread.
    """
    scope = "" if chat.scope is None else encode(chat.scope)
    thread = "" if thread_id is None else encode(thread_id)
    where = f"{encode(chat.platform)}:{encode(chat.account)}:{scope}:{encode(chat.chat_id)}"
    return f"{where}:{mark}{thread}"


class Place(NamedTuple):
    """What `place` spelled, read back."""

    platform: str
    account: str
    scope: str | None
    chat_id: str
    thread_id: str | None


def read_place(spelled: str) -> Place:
    """Read a place that `place` spelled without a mark."""
    platform, account, scope, chat_id, thread_id = map(decode, spelled.split(":"))
    return Place(platform, account, scope or None, chat_id, thread_id or None)


def identity(name: str) -> str:
    """Spell a person whom the policy's `identities` know by a name."""
    return encode(name)


def person(platform: str, scope: str | None, user_id: str) -> str:
    """Spell a person: `platform:user`, or `platform:scope/user` where the platform is scoped."""
    within = "" if scope is None else f"{encode(scope)}/"
    return f"{encode(platform)}:{within}{encode(user_id)}"


def chat_of(key: str) -> ChatName | None:
    """Tell the chat that a session lives in, None where it spans chats.

    Raises `InvalidKey` for a text that no builder of this module gives.
    """
    return _parse(key).name


def lives_in(key: str) -> str:
    """Tell the name that a session is kept under: its chat's, its own key where it spans chats.

    Raises `InvalidKey`.
    """
    return chat_of(key) or key


def chat_id_of(key: str) -> str | None:
    """Tell the id of a session's chat, None where it spans chats; raises `InvalidKey`."""
    chat = _parse(key).chat
    return None if chat is None else chat.chat_id


def thread_of(key: str) -> tuple[str, str] | None:
    """Tell `thread` or `opener` and the id behind it, None for a session that is neither."""
    part = _thread_part_of(key)
    return None if part is None else (part[0], decode(part[1]))


def opens_unknown(key: str) -> bool:
    """Tell whether a session opens a thread whose id is not known before: it can be bound."""
    part = _thread_part_of(key)
    return part is not None and part[0] == "opener"


def _thread_part_of(key: str) -> tuple[str, str] | None:
    # Most have no such part, which this word tells sooner: before an opener it is the chat type.
    if ":thread:" not in key:
        return None
    match = _CHAT_KEY.fullmatch(key)
    if match is not None:
        part = match["part"]
        return (part, match["part_id"]) if part in {"thread", "opener"} else None
    match = _SPANNING_KEY.fullmatch(key)
    return None if match is None or match["thread"] is None else ("thread", match["thread"])


def thread_to_bind(key: str, thread_id: str) -> SessionKey | None:
    """Tell the key that a session would have as this thread of its chat.

    None for a session that is no thread, or another thread. Raises `InvalidKey`.
    """
    chat = _parse(key).chat
    match = _CHAT_KEY.fullmatch(key)
    if chat is None or match is None or match["part"] not in {"opener", "thread"}:
        return None
    user_id = None if match["user_id"] is None else decode(match["user_id"])
    bound = thread_key(chat, thread_id, user_id)
    return bound if match["part"] == "opener" or bound == key else None


def conversation_of(key: str) -> str | None:
    """Tell the opener of the conversation that a session is, None for one that is none.

    Raises `InvalidKey`.
    """
    _parse(key)
    match = _CHAT_KEY.fullmatch(key)
    if match is None or match["part"] != "conversation":
        return None
    return decode(match["part_id"])


def agent_of(key: str) -> str:
    """Tell a key's agent; raises `InvalidKey`."""
    return _parse(key).agent


def platform_of(key: str) -> str:
    """Tell a key's platform, `*` where the session spans chats; raises `InvalidKey`."""
    chat = _parse(key).chat
    return "*" if chat is None else chat.platform


def shard_of(name: str, shards: int) -> int:
    """Tell the shard, 0 to `shards` - 1, of a chat's name, or of a key that spans chats."""
    return zlib.crc32(name.encode()) % shards


@lru_cache(maxsize=1_024)
def _platform(agent: str, platform: str, account: str) -> str:
    head = f"agent:{encode_agent(agent)}:{encode(platform)}"
    return head if account == DEFAULT_ACCOUNT else f"{head}:account:{encode(account)}"


class _Parsed(NamedTuple):
    agent: str
    chat: Chat | None
    name: ChatName | None


# Each call on a session asks for its chat; to take a key apart costs more than to route.
@lru_cache(maxsize=4_096)
def _parse(key: str) -> _Parsed:
    try:
        parsed = _chat_session(key) or _spanning_session(key)
    except ValueError:  # bytes that are no UTF-8, or characters that are no Unicode text
        raise InvalidKey(key) from None
    # What does not give the same text again was not built here: `%3a`, `account:default`.
    if parsed is None or parsed[2] != key:
        raise InvalidKey(key)
    agent, chat, _ = parsed
    return _Parsed(agent, chat, None if chat is None else chat_name(chat))


def _decoded(match: re.Match[str]) -> dict[str, str | None]:
    parts = match.groupdict()
    if "%" not in match[0]:
        return parts
    return {name: None if part is None else decode(part) for name, part in parts.items()}


def _chat(agent: str, parts: dict[str, str | None]) -> Chat:
    account = parts["account"] or DEFAULT_ACCOUNT
    return Chat(agent, parts["platform"] or "", account, parts["scope"], parts["chat_id"] or "")


def _chat_session(key: str) -> tuple[str, Chat | None, str] | None:
    match = _CHAT_KEY.fullmatch(key)
    if match is None:
        return None
    agent, parts = decode(match["agent"]), _decoded(match)
    chat, part_id, user_id = _chat(agent, parts), parts["part_id"], parts["user_id"]
    if not _PLATFORM.fullmatch(chat.platform) or (match["chat_type"] == "dm" and user_id):
        return None
    chat_type = cast("ChatType", match["chat_type"])
    match match["part"], part_id:
        case "thread", str():
            return agent, chat, thread_key(chat, part_id, user_id)
        case "opener", str():
            return agent, chat, opener_key(chat, part_id, user_id)
        case "conversation", str():
            return agent, chat, conversation_key(chat, chat_type, part_id)
        case _:
            pass
    return None if chat_type == "thread" else (agent, chat, chat_key(chat, chat_type, user_id))


def _spanning_session(key: str) -> tuple[str, Chat | None, str] | None:
    match = _SPANNING_KEY.fullmatch(key)
    if match is None or not _is_of_one_place(match):
        return None
    agent = decode(match["agent"])
    spelled = "".join(
        part if part in _SPANNING_WORDS else encode(decode(part))
        for part in re.split("([:/])", match["rest"])
    )
    return agent, None, f"agent:{encode_agent(agent)}:{spelled}"


def _is_of_one_place(match: re.Match[str]) -> bool:
    """Whether the place and the people in a key that spans chats fit together."""
    person, place, who = match["person"], match["place"], match["who"]
    people = [one.partition(":") for one in (person, who) if one is not None and ":" in one]
    platforms = [platform for platform, _, _ in people]
    if place is not None:
        platforms.append(match["platform"])
    if not all(_PLATFORM.fullmatch(decode(platform)) for platform in platforms):
        return False
    if who is None:
        return True
    if place is None:
        return match["link"] is not None
    if person is not None:
        return who == person
    within = "" if match["scope"] is None else f"{match['scope']}/"
    platform, colon, id_ = who.partition(":")
    scope, slash, _ = id_.rpartition("/")
    return not colon or (platform == match["platform"] and scope + slash == within)
