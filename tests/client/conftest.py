"""A real service for the client's tests, and a proxy in front of it."""

from collections.abc import AsyncIterator, Iterator
from uuid import uuid4

import pytest

from app.demo.service import running_service
from session_router import Source
from tests.client.lossy_proxy import LossyProxy

POLICY = """
version: 1
rules:
  - {name: brief, match: {platform: brief}, set: {lease_seconds: 1}}
  - {name: together, match: {platform: together}, set: {isolation: shared}}
  - {name: threaded, match: {platform: threaded}, set: {isolation: thread}}
  - {name: patient, match: {platform: patient}, set: {busy: {same_sender: queue}}}
"""


@pytest.fixture(scope="session")
def service_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Give the URL of one service for the whole run."""
    with running_service(tmp_path_factory.mktemp("client-service"), POLICY) as url:
        yield url


@pytest.fixture
def source() -> Source:
    """Give a place that no other test uses."""
    return Source(platform="discord", chat_type="group", chat_id=uuid4().hex, user_id="456")


@pytest.fixture
async def proxy(service_url: str) -> AsyncIterator[LossyProxy]:
    """Give a proxy in front of the service."""
    async for serving in LossyProxy(service_url).serve():
        yield serving
