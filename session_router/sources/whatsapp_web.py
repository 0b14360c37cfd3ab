"""WhatsApp's web protocol as Baileys tells it: a message of `messages.upsert`, or an update of one.

A person has two JIDs: a LID (`…@lid`) and the phone number's (`…@s.whatsapp.net`). Which of them
comes, and whether the other comes beside it (`remoteJidAlt`, `participantAlt`), depends on the
chat and changes. The LID is the user's id where it is known, the other one an alias.

Source: WhiskeySockets/Baileys `src/Utils/decode-wa-message.ts`, `process-message.ts`,
`messages.ts`, `src/WABinary/jid-utils.ts`, `WAProto/WAProto.proto`; baileys.wiki, concepts/jids.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from session_router.events import Deletion, Edit, Event, Incoming
from session_router.models import ChatType, ReplyTo, Source
from session_router.sources.buttons import pressed
from session_router.sources.commands import Said, said
from session_router.sources.payloads import Fields, IsModerator, as_id, mentioned, nobody, reply
from session_router.sources.places import Place, Sender
from session_router.sources.whatsapp_content import Content, Told, button_data, told_in, unwrapped

# Enough to fetch a medium later; thumbnails and quoted messages would be too much to carry.
_GIVEN_BACK = (
    *("mimetype", "fileName", "url", "directPath", "mediaKey", "fileSha256", "fileEncSha256"),
    *("fileLength", "seconds", "ptt", "degreesLatitude", "degreesLongitude", "vcard"),
)
# An enum comes as its number or its name.
_REVOKE = frozenset({"0", "REVOKE"})
_EDIT = frozenset({"14", "MESSAGE_EDIT"})
_STUB_REVOKE = frozenset({"1", "REVOKE"})
_SERVERS = {"c.us": "s.whatsapp.net", "hosted": "s.whatsapp.net", "hosted.lid": "lid"}
_PEOPLE = frozenset({"s.whatsapp.net", "lid", "bot"})
_NOBODY = frozenset({"status@broadcast", "0@s.whatsapp.net", "server@s.whatsapp.net"})


def not_known(_jid: str) -> None:
    """Know the LID of no number."""


def read(  # noqa: PLR0913 - each is a fact that the payload does not tell
    payload: Mapping[str, Any],
    *,
    account: str,
    own_lid: str | None = None,
    lid_of: Callable[[str], str | None] = not_known,
    overhears: bool = False,
    is_moderator: IsModerator = nobody,
) -> Event | None:
    """Return what one item of `messages.upsert` or `messages.update` is to the router.

    None where it is nothing to it. `account` is the bot's own JID, `own_lid` its LID; `lid_of`
    looks the LID of a number's JID up, for who comes or is mentioned by number alone. Set
    `overhears` if the bot should read groups where it is not spoken to: a line that neither
    mentions nor quotes it, and is no command, is then `context`. `is_moderator` looks into the
    gateway's list of a group's admins. What the bot's own number sent is nothing, in its chat with
    itself too: there its answers look like the person's messages.

    `payload` has the message's `key` and what a medium is fetched with. Raises
    `UnreadablePayload`.
    """
    item = Fields(payload)
    key = item.part("key")
    own = own_lid and _normal(own_lid)
    bot = _Bot(_normal(account), own, lid_of, overhears, is_moderator)
    if key.flag("fromMe"):
        return None
    if item.has("update"):
        return _update(item, key, bot)
    # Group events and what could not be decrypted have no message, nor always a sender.
    content = unwrapped(item.part_or_none("message"))
    source = content and _source(item, key, bot)
    if content is None or source is None:
        return None
    if content.message.has("protocolMessage"):
        return _amendment(content.message.part("protocolMessage"), source, bot)
    told = told_in(content.message)
    return told and _incoming(item, source, content, told, bot)


@dataclass(frozen=True, slots=True)
class _Bot:
    account: str
    own_lid: str | None
    lid_of: Callable[[str], str | None]
    overhears: bool
    is_moderator: IsModerator

    def person(self, jid: str) -> str:
        """Return the LID of who has this JID, if it is known."""
        return jid if _server(jid) == "lid" else self.lid_of(jid) or jid

    def is_(self, jid: str | None) -> bool:
        return jid is not None and jid in (self.account, self.own_lid)


def _incoming(item: Fields, source: Source, content: Content, told: Told, bot: _Bot) -> Incoming:
    press = pressed(button_data(told) or "")
    words = _said(told, bot) if press is None else Said(press.text)
    context = told.parts.part_or_none("contextInfo")
    addressed = tuple(map(bot.person, _jids(context, "mentionedJid")))
    author = _jid_or_none(context, "participant")
    quoted = author and bot.person(author)
    to_bot = any(map(bot.is_, (*addressed, quoted)))
    meant = source.chat_type == "dm" or to_bot or bool(press or words.control or words.busy)
    return Incoming(
        message_id=item.part("key").id("id"),
        source=source,
        text=words.text,
        payload={**item.copy_of("key"), told.name: told.parts.copy_of(*_GIVEN_BACK)},
        reply_to=_reply_to(context, source, None if bot.is_(quoted) else quoted),
        mentions=mentioned(tuple(jid for jid in addressed if not bot.is_(jid)), bot=None),
        kind="user" if meant or not bot.overhears else "context",
        control=words.control,
        busy=words.busy,
        group=content.album,
        answers=press.prompt_id if press else None,
        sent_at=item.moment_or_none("messageTimestamp"),
    )


def _amendment(protocol: Fields, source: Source, bot: _Bot) -> Event | None:
    kind = protocol.id_or_none("type")
    if kind in _REVOKE:
        return Deletion(message_id=protocol.part("key").id("id"), source=source)
    if kind not in _EDIT:
        return None
    return _edit(protocol.part("editedMessage"), protocol.part("key"), source, bot)


def _update(item: Fields, key: Fields, bot: _Bot) -> Event | None:
    """Read what Baileys makes of an edit or a revocation; receipts are updates too."""
    update = item.part("update")
    is_revoked = update.id_or_none("messageStubType") in _STUB_REVOKE
    message = update.part_or_none("message")
    is_edited = message is not None and message.has("editedMessage")
    source = _source(item, key, bot) if is_revoked or is_edited else None
    if source is None:
        return None
    if message is None or is_revoked:
        return Deletion(message_id=key.id("id"), source=source)
    return _edit(message, key, source, bot)


def _edit(message: Fields, key: Fields, source: Source, bot: _Bot) -> Edit | None:
    content = unwrapped(message)
    told = content and told_in(content.message)
    if told is None:
        return None
    return Edit(message_id=key.id("id"), source=source, text=_said(told, bot).text)


def _source(item: Fields, key: Fields, bot: _Bot) -> Source | None:
    """Return whose message it is and where, None where nobody can be answered."""
    remote = _jid(key, "remoteJid")
    server = _server(remote)
    chat_type: ChatType = "dm"
    if remote in _NOBODY:
        return None
    if server == "g.us":
        chat_type, author = "group", (_jid(key, "participant"), _jid_or_none(key, "participantAlt"))
    elif server == "newsletter":
        chat_type, author = "channel", (remote, None)
    elif server == "broadcast":  # a list that the person sends to; the chat is the person's
        author = (_jid(key, "participant"), _jid_or_none(key, "remoteJidAlt"))
    elif server in _PEOPLE:
        author = (remote, _jid_or_none(key, "remoteJidAlt"))
    else:
        return None
    jids = {jid for jid in author if jid}
    user_id, *aliases = sorted(jids | set(map(bot.person, jids)), key=_by_preference)
    place = Place("whatsapp", bot.account, chat_type, user_id if chat_type == "dm" else remote)
    name = item.name_or_none("pushName")
    sender = Sender(user_id, name, is_bot=server == "bot", aliases=tuple(aliases))
    return place.source(sender, bot.is_moderator)


def _by_preference(jid: str) -> tuple[bool, str]:
    return _server(jid) != "lid", jid


def _said(told: Told, bot: _Bot) -> Said:
    # A mention is written as the JID's user: @49301234567, or the digits of a LID.
    own = filter(None, (bot.account, bot.own_lid))
    return said(told.text, *(f"@{jid.partition('@')[0]}" for jid in own))


def _reply_to(context: Fields | None, source: Source, author: str | None) -> str | ReplyTo | None:
    message_id = context.id_or_none("stanzaId") if context else None
    # A private reply, or one to a status, quotes a message of another chat.
    quoted_in = _jid_or_none(context, "remoteJid") or source.chat_id
    is_elsewhere = _server(quoted_in) not in _PEOPLE and quoted_in != source.chat_id
    return None if message_id is None or is_elsewhere else reply(message_id, author, bot=None)


def _jids(context: Fields | None, name: str) -> tuple[str, ...]:
    return tuple(as_id(_normal(jid), name) for jid in context.ids(name)) if context else ()


def _jid_or_none(fields: Fields | None, name: str) -> str | None:
    return _jid(fields, name) if fields and fields.id_or_none(name) else None


def _jid(fields: Fields, name: str) -> str:
    jid = as_id(_normal(fields.id(name)), name)
    if jid.startswith("@") or not _server(jid):
        raise fields.unreadable(name, "is no JID")
    return jid


def _normal(jid: str) -> str:
    """Return the JID without device and agent: `1234_1:12@c.us` is `1234@s.whatsapp.net`."""
    user, _, server = jid.partition("@")
    return f"{user.partition(':')[0].partition('_')[0]}@{_SERVERS.get(server, server)}"


def _server(jid: str) -> str:
    return jid.partition("@")[2]
