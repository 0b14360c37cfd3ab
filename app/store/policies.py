"""The policy in the store: the one in force, and the last ones before it."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from app.store import keys, scripts
from app.store.clock import stores_clock
from app.store.replies import moment
from app.store.store_client import Reply, StoreClient

VERSIONS_KEPT = 20
ACTIONS_KEPT = 1000


@dataclass(frozen=True, slots=True)
class StoredPolicy:
    """A policy as it was put: its JSON text, when and by whom."""

    revision: int
    at: datetime
    who: str
    text: str


class Policies:
    """Puts and reads policies; `clock` as in `SessionStore`. All raise `StoreUnavailable`."""

    def __init__(self, client: StoreClient, clock: Callable[[], str] = stores_clock) -> None:
        self._client = client
        self._clock = clock

    async def put(self, text: str, who: str, file_digest: str = "") -> int:
        """Put a policy in force and return its revision: `put_policy.lua`.

        One that comes from a file is put only if the file's content has changed.
        """
        reply = await self._client.call(
            scripts.PUT_POLICY,
            keys.POLICY,
            self._clock(),
            text,
            who,
            file_digest,
            VERSIONS_KEPT,
            ACTIONS_KEPT,
        )
        return int(reply[1])

    async def in_force(self) -> StoredPolicy | None:
        """The policy in force, None before the first was put: `policies.lua`."""
        _, *found = await self._client.call(scripts.POLICIES, keys.POLICY[:2], "")
        return _stored(found[0]) if found else None

    async def kept(self) -> list[StoredPolicy]:
        """The last policies, the one in force first: `policies.lua`."""
        _, *found = await self._client.call(scripts.POLICIES, keys.POLICY[:2], "1")
        return [_stored(part) for part in found]


def _stored(part: Reply) -> StoredPolicy:
    revision, at, who, text = part
    return StoredPolicy(revision, moment(at), who, text)
