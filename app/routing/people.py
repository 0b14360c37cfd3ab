"""Who is who and which chats belong together, as the policy's identities and links say."""

from collections.abc import Iterable, Mapping

from app.routing import keys
from app.routing.keys import Chat


class People:
    """Persons by the ids they have on platforms, and chats by the links they are in.

    An entry is `platform:id`, or `platform:scope/id` on the platforms in `scoped`.
    """

    def __init__(
        self,
        identities: Mapping[str, Iterable[str]],
        links: Mapping[str, Iterable[str]],
        scoped: Iterable[str],
    ) -> None:
        self._scoped = frozenset(scoped)
        self._names = {
            self._spelled(entry): keys.identity(name)
            for name, entries in identities.items()
            for entry in entries
        }
        self._links = {
            self._spelled(entry): name for name, entries in links.items() for entry in entries
        }

    def who(self, entry: str) -> str:
        """Tell the person that an entry of the policy means: a name, or an id on a platform."""
        if ":" not in entry:
            return keys.identity(entry)
        spelled = self._spelled(entry)
        return self._names.get(spelled, spelled)

    def _spelled(self, entry: str) -> str:
        platform, _, rest = entry.partition(":")
        scope, slash, id_ = rest.partition("/")
        if slash and platform in self._scoped:
            return keys.person(platform, scope, id_)
        return keys.person(platform, None, rest)

    def person(self, platform: str, scope: str | None, user_id: str) -> str:
        """Tell who this is: the name of an identity, else the id on the platform."""
        spelled = keys.person(platform, scope, user_id)
        return self._names.get(spelled, spelled)

    def link_of(self, chat: Chat) -> str | None:
        """Tell the link that a chat is in."""
        if not self._links:
            return None
        return self._links.get(keys.person(chat.platform, chat.scope, chat.chat_id))
