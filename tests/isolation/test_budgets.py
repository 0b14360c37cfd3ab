"""Context budgets: a session driven by reported usage is told in time to compress."""

import pytest

from tests.isolation.router import Json, Router, dm, group

SHARED, OWN = 0.60, 0.85
HERE = group("telegram", "c")


@pytest.mark.parametrize(
    ("settings", "source", "share"),
    [
        ({}, HERE, OWN),
        ({"isolation": "shared"}, HERE, SHARED),
        ({"isolation": "tagged"}, HERE, SHARED),
        ({"isolation": "person"}, HERE, OWN),
        ({}, {**HERE, "thread_id": "9"}, SHARED),
        ({"thread_isolation": "per_user"}, {**HERE, "thread_id": "9"}, OWN),
        ({"missing_user": "shared"}, {**HERE, "user_id": None}, SHARED),
        ({}, dm("telegram", "1"), OWN),
        ({}, dm("telegram", "1", thread_id="9"), OWN),
        ({"dm_scope": "person"}, dm("telegram", "1"), OWN),
        ({"dm_scope": "main"}, dm("telegram", "1"), SHARED),
    ],
)
@pytest.mark.parametrize("limit", [200_000, 131_072, 7])
async def test_a_session_is_told_to_compress_at_its_share_and_never_later(
    there: Router, settings: Json, source: Json, share: float, limit: int
) -> None:
    await there.put_policy(defaults=settings)
    for tokens in _around(share, limit):
        running = await there.send(source)
        usage = {"context_tokens": tokens, "context_limit": limit}
        ended = await there.complete(running["run"], usage=usage)
        context = ended["session"]["context"]
        assert (context["tokens"], context["limit"]) == (tokens, limit)
        assert context["action"] == ("compress" if tokens * 100 >= share * 100 * limit else "none")
        seen = await there.turn(source)
        assert seen["session"]["context"] == context


def _around(share: float, limit: int) -> list[int]:
    threshold = int(share * limit)
    return [0, threshold - 1, threshold, threshold + 1, limit, 2 * limit]


async def test_a_share_of_the_policy_holds_to_the_token(there: Router) -> None:
    context = {"limit_tokens": 100, "compress_at": 0.07, "reset_at": 0.29}
    await there.put_policy(defaults={"context": context})
    actions = []
    for tokens in (6, 7, 28, 29):
        running = await there.send(HERE)
        ended = await there.complete(running["run"], usage={"context_tokens": tokens})
        actions.append(ended["session"]["context"]["action"])
    assert actions == ["none", "compress", "compress", "reset"]


async def test_a_heartbeat_reports_a_compression_and_a_reset_starts_empty(there: Router) -> None:
    running = await there.send(HERE)
    for tokens, action in ((190_000, "compress"), (20_000, "none"), (180_000, "compress")):
        await there.report("heartbeat", running["run"], usage={"context_tokens": tokens})
        detail = await there.on_session(running["session"]["key"])
        assert detail["session"]["context"]["action"] == action
    await there.complete(running["run"])
    reset = await there.send(HERE, control="reset")
    assert reset["session"]["context"] == {
        "tokens": 0,
        "limit": 200_000,
        "ratio": 0.0,
        "action": "none",
    }


async def test_what_the_old_run_reports_stays_with_the_old_id(there: Router) -> None:
    running = await there.send(HERE)
    await there.send(HERE, control="reset")
    usage = {"context_tokens": 190_000}
    await there.report("heartbeat", running["run"], usage=usage)
    ended = await there.complete(running["run"], "interrupted", usage=usage)
    assert ended["session"]["context"]["tokens"] == 0
