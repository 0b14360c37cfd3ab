"""Several ids of one person on a platform: the first one seen is the one in keys."""

from app.routing.keys import shard_of
from app.routing.policy import PolicyFields
from app.routing.rules import scope_under
from app.store import keys, scripts
from app.store.session_settings import DAY_MS
from app.store.store_client import StoreClient
from session_router.models import Source


class Aliases:
    """Looks persons up where aliases were ever taught, and nowhere else.

    `follow` must be called about every second, so that a router learns where that is.
    """

    def __init__(self, client: StoreClient, shards: int) -> None:
        self._client = client
        self._shards = shards
        self._places: frozenset[str] = frozenset()

    async def follow(self) -> None:
        """Learn where aliases were taught. Raises `StoreUnavailable`."""
        places: set[str] = set()
        for shard in range(self._shards):
            places.update(await self._client.members(keys.alias_places(shard)))
        self._places |= places  # one taught meanwhile stays known

    def may_know(self, source: Source) -> bool:
        """Whether there is anything to look up, in any place."""
        return bool(source.user_aliases or self._places)

    async def known(
        self, agent: str, source: Source, fields: PolicyFields, *, teach: bool
    ) -> Source:
        """The source under the ids that stand in keys: `aliases.lua`.

        `teach` what is new, or only look. In a DM an alias of the user is one of the chat.
        Raises `StoreUnavailable`.
        """
        if source.user_id is None:
            return source
        scope = scope_under(fields, source)
        place = keys.alias_place(agent, source.platform, scope)
        if not source.user_aliases and place not in self._places:
            return source
        ids = tuple(dict.fromkeys((source.user_id, *source.user_aliases)))
        shard = shard_of(place, self._shards)
        _, user_id = await self._client.call(
            scripts.ALIASES,
            [keys.alias_places(shard), *(keys.alias(shard, place, id_) for id_ in ids)],
            "",
            place,
            fields.session_ttl_days * DAY_MS,
            "1" if teach else "",
            *ids,
        )
        if teach:
            self._places |= {place}
        in_own_dm = source.chat_type == "dm" and source.chat_id in ids
        chat_id = user_id if in_own_dm else source.chat_id
        return source.model_copy(update={"user_id": user_id, "chat_id": chat_id})
