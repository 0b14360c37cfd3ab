"""What people did: kept by the scripts that did it, listed here, newest first.

All methods raise `StoreUnavailable`.
"""

import asyncio
import json
from dataclasses import dataclass
from typing import NamedTuple

from app.routing.keys import SessionKey, agent_of
from app.store import keys, scripts
from app.store.pages import Place, cursor_after, read_cursor
from app.store.replies import moment
from app.store.run_ids import RunAddress
from app.store.store_client import StoreClient
from session_router.models import Action, ActionPage, ActionWord

LOOKED_AT_MAX = 1000  # actions one call looks at to fill its page
POLICY = "policy"  # the place of what was done to the policy; of the others their shard


class Kept(NamedTuple):
    """A list of actions: its place, and the key of it."""

    place: str
    key: str


@dataclass(frozen=True, slots=True)
class ActionFilter:
    """Which actions are meant; None means all. `agents` are those the token may see."""

    agents: frozenset[str] | None = None
    action: ActionWord | None = None
    by: str | None = None
    session: str | None = None

    def has(self, action: Action) -> bool:
        """Tell whether an action is meant."""
        return (
            self.action in {None, action.action}
            and self.by in {None, action.by}
            and self.session in {None, action.session_key}
        )


class Actions:
    """Pages of actions over all shards and the policy."""

    def __init__(self, client: StoreClient, shards: int) -> None:
        self._client = client
        self._shards = shards

    async def page(self, wanted: ActionFilter, most: int, cursor: str | None) -> ActionPage:
        """Actions on these agents' sessions and on the policy, newest first.

        Where a filter passes over many, a page may be short and its cursor goes on. Raises
        `InvalidRequest` for a cursor that no page gave.
        """
        after = read_cursor(cursor) if cursor else None
        lists = await self._lists(wanted.agents)
        shown: list[Action] = []
        for _ in range(-(-LOOKED_AT_MAX // most)):
            found = await self._after(lists, after, most)
            for place, action in found:
                after = place
                if wanted.has(action):
                    shown.append(action)
                if len(shown) == most:
                    return ActionPage(actions=tuple(shown), cursor=cursor_after(after))
            if len(found) < most:
                return ActionPage(actions=tuple(shown))
        return ActionPage(actions=tuple(shown), cursor=cursor_after(after) if after else None)

    async def _lists(self, agents: frozenset[str] | None) -> list[Kept]:
        lists = [Kept(POLICY, keys.POLICY[3])]
        for shard in range(self._shards):
            buckets = await self._client.members(keys.stats(shard)[1])
            spelled = {keys.parts_of_bucket(b)[0]: b.partition(":")[0] for b in buckets}
            lists += [
                Kept(str(shard), keys.actions(shard, name))
                for agent, name in sorted(spelled.items())
                if agents is None or agent in agents
            ]
        return lists

    async def _after(
        self, lists: list[Kept], after: Place | None, most: int
    ) -> list[tuple[Place, Action]]:
        found = await asyncio.gather(*(self._of_list(one, after, most) for one in lists))
        by_place = [pair for pairs in found for pair in pairs]
        return sorted(by_place, key=lambda pair: pair[0], reverse=True)[:most]

    async def _of_list(
        self, one: Kept, after: Place | None, most: int
    ) -> list[tuple[Place, Action]]:
        newest = "+" if after is None else f"{after.at:.0f}"
        asked = most
        while True:
            _, *reply = await self._client.call(scripts.ACTIONS, [one.key], newest, asked)
            pairs = [
                (_place(one, id_), action_of(one.place, id_, text))
                for id_, text in zip(reply[::2], reply[1::2], strict=True)
            ]
            fresh = [pair for pair in pairs if after is None or pair[0] < after]
            if len(fresh) >= most or len(pairs) < asked:
                return fresh[:most]
            asked *= 2  # many of one millisecond: look beyond them


def _place(one: Kept, id_: str) -> Place:
    at_ms, _, number = id_.partition("-")
    return Place(float(at_ms), f"{number:0>20} {one.key}")


def action_of(place: str, id_: str, text: str) -> Action:
    """Read an action as `lua/session/operators.lua` and `put_policy.lua` keep it."""
    at, who, word, result, session, message_id, fence, *revision = json.loads(text)
    address = RunAddress(int(fence), int(place), SessionKey(session)) if fence else None
    return Action(
        id=f"{place}.{id_}",
        at=moment(at),
        by=who or None,
        action=word,
        changed=result == "changed",
        session_key=session or None,
        run_id=None if address is None else address.run_id(),
        message_id=message_id or None,
        revision=revision[0] if revision else None,
    )


def agent_of_action(action: Action) -> str | None:
    """The agent that an action was done to, None for the policy, which is everybody's."""
    return None if action.session_key is None else agent_of(action.session_key)
