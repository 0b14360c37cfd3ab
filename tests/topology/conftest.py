"""A store behind Sentinels and one in a cluster, started once for the tests of a file."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
import pytest_asyncio

from tests.service import Service, running, write_policy
from tests.survival.conftest import RealClock
from tests.topology.clusters import Cluster, cluster_in
from tests.topology.figures import ROUNDS
from tests.topology.sentinels import Sentinels, sentinels_in

PATIENCE_SECONDS = 2.0  # a service's own, for the store may hang here

Serve = Callable[..., Awaitable[Service]]


@pytest.fixture(scope="module")
def _sentinels(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sentinels]:
    with sentinels_in(tmp_path_factory.mktemp("sentinels")) as setup:
        yield setup


@pytest.fixture
def sentinels(_sentinels: Sentinels) -> Sentinels:
    """Give a primary with two replicas, all healthy and empty."""
    _sentinels.heal()
    _sentinels.primary().redis.flushall()
    return _sentinels


@pytest.fixture(scope="module")
def _cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    with cluster_in(tmp_path_factory.mktemp("cluster")) as setup:
        yield setup


@pytest.fixture
def cluster(_cluster: Cluster) -> Cluster:
    """Give three primaries, each with two replicas, all healthy and empty."""
    _cluster.heal()
    _cluster.empty()
    return _cluster


@pytest.fixture(params=range(ROUNDS))
def each_round(request: pytest.FixtureRequest) -> int:
    """Run a test as often as `SESSION_ROUTER_FAILOVERS` says."""
    return int(request.param)


@pytest_asyncio.fixture
async def serve(tmp_path: Path) -> AsyncIterator[Serve]:
    """Give `serve(url, policy, **settings)`: one more service in this process, on a real clock."""
    async with AsyncExitStack() as stack:

        async def open_(url: str, policy: dict[str, object], **settings: object) -> Service:
            path = write_policy(tmp_path, {"version": 1, "defaults": policy})
            patience = {"store_timeout_seconds": PATIENCE_SECONDS}
            service = running(url, RealClock(), policy_file=path, **patience | settings)
            return await stack.enter_async_context(service)

        yield open_
