"""A Lua call takes about 8,000 values: what is longer is moved in parts, and nothing is lost."""

import pytest

from app.routing.route import route
from app.store.admissions import routed
from session_router.models import CompleteRequest, Decision, Outcome
from tests.scripts.conftest import Open
from tests.sessions import ROOM, Sessions, granted

BATCH, QUEUE = f"sr:{{0}}:batch:{ROOM}", f"sr:{{0}}:queue:{ROOM}"


def lengthen(s: Sessions, to: int) -> None:
    """Make the batch of one message as long as steers may have made it."""
    s.redis.append(BATCH, s.redis.get(BATCH) * (to - 1))


@pytest.mark.parametrize("outcome", ["failed", "released"])
async def test_a_batch_of_thousands_comes_back_whole(sessions: Open, outcome: Outcome) -> None:
    s = sessions()
    run = granted(await s.send("m1"))
    lengthen(s, 8_500)
    request = CompleteRequest(fence=run.fence, outcome=outcome, next=False)
    await s.store.complete(run.id, request)
    assert s.redis.llen(QUEUE) == 8_500
    assert s.redis.exists(BATCH) == 0


async def test_a_run_of_a_thousand_messages_is_steered_no_further(sessions: Open) -> None:
    s = sessions(busy={"same_sender": "steer"})
    granted(await s.send("m1"))

    async def decision(message_id: str) -> str:
        message = s.message(message_id, "alice")
        assert message.source is not None
        routing = route(s.rulebook, message.agent, message.kind, message.source)
        answer = await s.store.admit(routed(message, routing, ""))
        assert isinstance(answer, Decision)
        return answer.decision

    one = s.redis.get(BATCH)
    lengthen(s, 999)
    assert await decision("m2") == "steer"
    s.redis.append(BATCH, one)
    assert await decision("m3") == "queue"
