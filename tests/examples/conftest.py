"""A real service with short leases, a stand-in for Telegram, and the examples between them."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from app.demo.service import running_service
from session_router import Router
from tests.client.lossy_proxy import LossyProxy
from tests.examples.bot_api import BotApi
from tests.examples.instances import Gateways

LEASE_SECONDS = 2
POLICY = f"""
version: 1
defaults: {{lease_seconds: {LEASE_SECONDS}}}
"""


@pytest.fixture(scope="session")
def service_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Give the URL of one service for the whole run."""
    with running_service(tmp_path_factory.mktemp("examples-service"), POLICY) as url:
        yield url


@pytest.fixture
async def telegram() -> AsyncIterator[BotApi]:
    """Give a stand-in for Telegram."""
    async for serving in BotApi().serve():
        yield serving


@pytest.fixture
def gateways(tmp_path: Path, service_url: str, telegram: BotApi) -> Iterator[Gateways]:
    """Give what starts example gateways; all are ended with the test."""
    started = Gateways(tmp_path, service_url, telegram)
    yield started
    started.end()


@pytest.fixture
async def router(service_url: str) -> AsyncIterator[Router]:
    """Give a client that runs nothing: it only routes, and looks."""
    async with Router(service_url) as client:
        yield client


@pytest.fixture
async def proxy(service_url: str) -> AsyncIterator[LossyProxy]:
    """Give a proxy in front of the service."""
    async for serving in LossyProxy(service_url).serve():
        yield serving
