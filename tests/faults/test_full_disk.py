"""A disk that is full: the store ends rather than acknowledge what it cannot keep."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from app.store.embedded import EmbeddedValkey, EmbeddedValkeyError
from tests.faults.small_disk import NO_DISK, fill, small_disk
from tests.processes import wait_until
from tests.service import Service, message, running
from tests.survival.conftest import RealClock

PATIENCE_SECONDS = 2.0  # the service's own, with a store that is away
MESSAGES_MAX = 1000


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """Give a small disk. Where this user may not mount one, this is left out aloud."""
    with small_disk(tmp_path / "disk") as is_mounted:
        if not is_mounted:
            pytest.skip(NO_DISK)
        yield tmp_path / "disk"


@pytest.mark.slow
async def test_a_store_on_a_full_disk_ends_and_loses_nothing_and_goes_on_when_there_is_room(
    disk: Path,
) -> None:
    with EmbeddedValkey(disk / "data", "always") as store:
        async with running(
            store.url, RealClock(), store_timeout_seconds=PATIENCE_SECONDS
        ) as service:
            fill(disk / "ballast")
            accepted = await sent_until_refused(service)
            wait_until(lambda: store.poll() is not None)
            (disk / "ballast").unlink()
            wait_until(lambda: starts(store))
            for message_id in accepted:
                query = {"platform": "discord", "chat_id": message_id}
                found = await service.get("/v1/messages", **query, message_id=message_id)
                assert found["state"] == "in_run"
            assert (await service.send("later", chat_id="later"))["decision"] == "run"


async def sent_until_refused(service: Service) -> list[str]:
    """Send messages, each in a chat of its own, until one is refused; the accepted ones' ids."""
    accepted: list[str] = []
    while len(accepted) < MESSAGES_MAX:
        message_id = f"m{len(accepted)}"
        answer = await service.ask(
            "POST", "/v1/messages", json=message(message_id, chat_id=message_id)
        )
        if answer.status_code == 503:
            return accepted
        assert answer.status_code == 200
        accepted.append(message_id)
    raise AssertionError("the disk was not full")


def starts(store: EmbeddedValkey) -> bool:
    try:
        store.ensure_running()
    except EmbeddedValkeyError:
        return False
    return True
