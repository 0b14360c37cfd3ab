"""The policy that this router applies: the store's, followed within a second."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from hashlib import blake2b

from pydantic_core import from_json

from app.errors import StoreUnavailable
from app.routing.faults import PolicyError
from app.routing.policy import Policy, policy_from
from app.routing.rules import Rulebook
from app.store.policies import Policies, StoredPolicy

LOOK_SECONDS = 0.5
FILE = "file"  # who put a policy that came from the policy file

logger = logging.getLogger(__name__)


class PolicyInForce:
    """Holds the rulebook that messages are routed by, and its revision (0: the defaults)."""

    def __init__(self, policies: Policies, also_follow: Callable[[], Awaitable[None]]) -> None:
        self._policies = policies
        self._also_follow = also_follow
        self._looked_at = (0, "")
        self.revision = 0
        self.policy = Policy()
        self.rulebook = Rulebook(self.policy)

    async def seed(self, policy: Policy | None) -> None:
        """Put the file's policy in force if its content is new, then follow the store.

        Raises `StoreUnavailable`.
        """
        if policy is not None:
            text = policy.model_dump_json(exclude_unset=True)
            digest = blake2b(text.encode(), digest_size=16).hexdigest()
            await self._policies.put(text, FILE, digest)
        await self.follow()

    async def put(self, policy: Policy, who: str) -> None:
        """Put a policy in force, here at once, elsewhere within a second.

        Raises `StoreUnavailable`.
        """
        await self._policies.put(policy.model_dump_json(exclude_unset=True), who)
        await self.follow()

    async def follow(self) -> None:
        """Apply what the store has in force. Raises `StoreUnavailable`."""
        await self._also_follow()
        stored = await self._policies.in_force()
        if stored is None or (stored.revision, stored.text) == self._looked_at:
            return
        if not self._apply(stored) and self.revision == 0:
            await self._apply_newest_readable()
        # Revisions start again where a store was lost: the text tells too.
        self._looked_at = (stored.revision, stored.text)

    async def _apply_newest_readable(self) -> None:
        # A release that starts beside a newer one goes on with what it would have in force.
        for stored in await self._policies.kept():
            if self._apply(stored):
                return

    def _apply(self, stored: StoredPolicy) -> bool:
        try:
            policy = policy_from(from_json(stored.text))
        except PolicyError:
            # Put by a release that knows more than this one.
            logger.exception("revision %d of the policy is not applied", stored.revision)
            return False
        self.policy, self.rulebook = policy, Rulebook(policy)
        self.revision = stored.revision
        logger.info("revision %d of the policy, put by %s", stored.revision, stored.who)
        return True

    async def run(self) -> None:
        """Follow the store until cancelled, through every outage."""
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            try:
                await self.follow()
            except StoreUnavailable:
                continue
            except Exception:
                logger.exception("the policy could not be followed; trying again")
