"""Two releases side by side on one store, of which the newer writes more than the older knows."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from redis import Redis

from app.store import keys, stored_form
from app.store.embedded import EmbeddedValkey
from app.store.store_client import StoreClient
from app.store.stored_form import UnreadableStore, record_form
from tests.faults.newer_release import FIELD
from tests.faults.services import Service
from tests.packed import unpack, unpack_map
from tests.processes import environment

SEED = int(os.environ.get("FAULTS_SEED", "20261122"))


@pytest.fixture
def redis(store_url: str) -> Iterator["Redis"]:
    with Redis.from_url(store_url, decode_responses=True) as client:
        yield client


@pytest.mark.slow
@pytest.mark.timeout(240)
def test_two_releases_share_a_store_though_the_newer_writes_more(tmp_path: Path) -> None:
    with ExitStack() as stack:
        store = stack.enter_context(EmbeddedValkey(tmp_path / "data", "everysec"))
        services = [
            stack.enter_context(Service(tmp_path / module, "--redis-url", store.url, module=module))
            for module in ("app", "tests.faults.newer_release")
        ]
        for service in services:
            service.await_ready()
        ended = subprocess.run(
            (
                *(sys.executable, "-m", "app", "torture", *(service.url for service in services)),
                *("--seconds", "8", "--rate", "30", "--seed", str(SEED)),
            ),
            env=environment(),
            check=False,
            capture_output=True,
            text=True,
        )
        assert ended.returncode == 0, ended.stdout + ended.stderr
        assert not [error for service in services for error in service.errors]
        with Redis.from_url(store.url) as redis:
            sessions = list(redis.scan_iter("sr:{0}:session:*", count=1000))
            assert any(FIELD in unpack_map(redis.get(session)) for session in sessions)
            homes = [unpack(redis.get(name)) for name in redis.scan_iter("sr:{0}:id:*", count=1000)]
        lengths = {len(home) for home in homes if home[1:2] == ["done"]}
        assert len(lengths) == 2, "not both releases ended messages"


async def test_a_store_remembers_the_form_that_is_written_first(
    store_url: str, redis: "Redis"
) -> None:
    client = StoreClient(store_url, 2.0)
    for _ in range(2):
        await record_form(client)
    assert redis.get(keys.FORM) == str(stored_form.WRITTEN)
    await client.close()


@pytest.mark.parametrize("form", ["0", "1", "of another kind"])
async def test_a_router_does_not_start_on_what_it_cannot_read_and_says_why(
    store_url: str, redis: "Redis", form: str
) -> None:
    redis.set(keys.FORM, form)
    client = StoreClient(store_url, 2.0)
    with pytest.raises(UnreadableStore, match=f"has form {form}, and this release reads 2"):
        await record_form(client)
    await client.close()
    assert redis.get(keys.FORM) == form


def test_a_release_reads_what_it_writes() -> None:
    assert stored_form.WRITTEN in stored_form.READ


def test_the_service_that_is_refused_ends_with_the_reason(
    store_url: str, redis: "Redis", tmp_path: Path
) -> None:
    redis.set(keys.FORM, "1")
    service = Service(tmp_path / "service", "--redis-url", store_url)
    service.launch()
    process = service._process
    assert process is not None
    assert process.wait(30) == 3
    assert "has form 1, and this release reads 2" in service.log
    service.kill()
