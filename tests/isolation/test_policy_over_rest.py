"""The policy over REST: checked whole, kept in versions, in force everywhere within a second."""

import asyncio
import json
import time
from pathlib import Path

import pytest
from redis import Redis

from app.store import keys
from app.tokens import hash_token
from tests.isolation.router import Json, Router, group, router

HERE = group("telegram", "c")
SHARED = {"defaults": {"isolation": "shared"}}


async def key_of(there: Router) -> str:
    resolved = await there.call("POST", "/v1/resolve", {"source": HERE})
    return str(resolved["key"])


async def test_before_any_policy_the_defaults_hold_as_revision_0(there: Router) -> None:
    view = await there.call("GET", "/v1/policy")
    assert (view["revision"], view["versions"]) == (0, [])
    assert view["policy"]["defaults"]["isolation"] == "per_user"


async def test_a_policy_that_is_put_holds_at_once_and_is_shown_whole(there: Router) -> None:
    view = await there.put_policy(**SHARED)
    assert view["revision"] == 1
    assert view["policy"]["defaults"]["isolation"] == "shared"
    assert view["policy"]["defaults"]["lease_seconds"] == 30
    assert await there.call("GET", "/v1/policy") == view
    assert await key_of(there) == "agent:main:telegram:group:c"


async def test_a_wrong_policy_is_refused_whole_with_every_path(there: Router) -> None:
    await there.put_policy(**SHARED)
    wrong = {
        "defaults": {"isolation": "tagged", "lease_seconds": 0, "moderators": ["zoe"]},
        "rules": [{"set": {"busy": {"same_sender": "never"}}}],
        "identities": {"a": ["telegram:1"], "b": ["telegram:1"]},
    }
    problem = await there.call("PUT", "/v1/policy", wrong, 422)
    assert {fault["path"] for fault in problem["errors"]} == {
        "defaults.lease_seconds",
        "defaults.moderators.0",
        "rules.0.set.busy.same_sender",
        "identities.b.0",
    }
    view = await there.call("GET", "/v1/policy")
    assert (view["revision"], view["policy"]["defaults"]["isolation"]) == (1, "shared")


async def test_putting_what_is_in_force_changes_nothing(there: Router) -> None:
    assert (await there.put_policy(**SHARED))["revision"] == 1
    view = await there.put_policy(**SHARED)
    assert (view["revision"], len(view["versions"])) == (1, 1)


async def test_the_last_twenty_versions_are_kept_and_can_be_put_in_force_again(
    there: Router,
) -> None:
    for number in range(1, 24):
        there.clock.forward(minutes=1)
        view = await there.put_policy(defaults={"batch_max": number})
    assert [version["revision"] for version in view["versions"]] == list(range(23, 3, -1))
    old = await there.call("GET", "/v1/policy/versions/4")
    assert old["policy"]["defaults"]["batch_max"] == 4
    restored = await there.call("POST", "/v1/policy/versions/4/restore")
    assert (restored["revision"], restored["policy"]) == (24, old["policy"])
    for verb, path in (("GET", "3"), ("GET", "99"), ("POST", "3/restore")):
        await there.call(verb, f"/v1/policy/versions/{path}", status=404)


async def test_each_role_does_what_is_its_own(store_url: str, tmp_path: Path) -> None:
    tokens = [{"name": r, "role": r, "sha256": hash_token(r)} for r in ("gateway", "viewer")]
    tokens.append({"name": "ann", "role": "operator", "sha256": hash_token("operator")})
    file = tmp_path / "tokens.yaml"
    file.write_text(json.dumps({"tokens": tokens}))
    async with router(store_url, tokens_file=file) as there:
        restore = "/v1/policy/versions/1/restore"
        for role, change, read in (
            ("", 401, 401),
            ("gateway", 403, 200),
            ("viewer", 403, 200),
            ("operator", 200, 200),
        ):
            await there.call("PUT", "/v1/policy", SHARED, change, token=role)
            await there.call("GET", "/v1/policy", status=read, token=role)
            await there.call("POST", restore, status=change, token=role)
        view = await there.call("GET", "/v1/policy", token="viewer")
        assert view["versions"][0]["by"] == "ann"


async def test_a_file_seeds_the_store_once_and_again_only_when_its_content_has_changed(
    store_url: str, tmp_path: Path
) -> None:
    file = tmp_path / "policy.yaml"

    async def started(text: str | None, put: Json | None = None) -> tuple[int, str]:
        if text is not None:
            file.write_text(text)
        async with router(store_url, policy_file=file if text is not None else None) as there:
            if put is not None:
                await there.call("PUT", "/v1/policy", put)
            view = await there.call("GET", "/v1/policy")
            return view["revision"], view["policy"]["defaults"]["isolation"]

    tagged, person = "defaults: {isolation: tagged}", "defaults: {isolation: person}"
    assert await started(tagged) == (1, "tagged")
    assert await started(tagged, put=SHARED) == (2, "shared")
    assert await started(tagged) == (2, "shared")
    assert await started(None) == (2, "shared")
    assert await started(person) == (3, "person")
    assert await started(tagged) == (4, "tagged")


async def test_a_policy_is_in_force_on_another_replica_within_a_second(store_url: str) -> None:
    async with router(store_url) as one, router(store_url) as other:
        for setting, key in (("shared", ""), ("per_user", ":u1"), ("person", "")):
            await one.put_policy(defaults={"isolation": setting})
            deadline = time.monotonic() + 1
            wanted = (await key_of(one)).removesuffix(key)
            while (await key_of(other)).removesuffix(key) != wanted:
                assert time.monotonic() < deadline
                await asyncio.sleep(0.01)


@pytest.fixture
async def newer(store_url: str) -> str:
    """Give a store whose policy a newer release has put, after one that this one can read."""
    async with router(store_url) as there:
        await there.put_policy(**SHARED)
        call = there.app.services.policies.put
        await call(json.dumps({"defaults": {"isolation": "telepathy"}}), "a newer release")
        await there.follow()
        await assert_old_policy_holds(there)
    return store_url


async def assert_old_policy_holds(there: Router) -> None:
    view = await there.call("GET", "/v1/policy")
    assert (view["revision"], view["policy"]["defaults"]["isolation"]) == (1, "shared")
    assert view["versions"][0]["revision"] == 2
    assert await key_of(there) == "agent:main:telegram:group:c"


async def test_a_policy_that_this_release_cannot_read_is_not_applied(newer: str) -> None:
    async with router(newer) as started_beside_it:
        await assert_old_policy_holds(started_beside_it)
        await started_beside_it.call("POST", "/v1/policy/versions/2/restore", status=422)
        assert (await started_beside_it.put_policy())["revision"] == 3
        assert await key_of(started_beside_it) == "agent:main:telegram:group:c:u1"


def test_the_policys_keys_are_in_one_slot() -> None:
    assert all("{policy}" in key for key in keys.POLICY)


async def test_a_put_after_the_loss_of_the_store_is_in_force(store_url: str) -> None:
    async with router(store_url) as there:
        await there.put_policy(defaults={"isolation": "shared"})
        with Redis.from_url(store_url) as redis:
            redis.flushall()
        await there.put_policy(defaults={"isolation": "tagged"})
        shown = await there.call("GET", "/v1/policy")
        assert shown["policy"]["defaults"]["isolation"] == "tagged"
