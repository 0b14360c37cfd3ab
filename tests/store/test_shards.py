"""The number of shards is the store's: the first router says it, the others have the same."""

import pytest

from app.settings import SettingsError
from tests.service import running


async def test_a_router_with_another_number_of_shards_refuses_and_says_why(store_url: str) -> None:
    async with running(store_url, shards=4) as service:
        assert (await service.send())["decision"] == "run"
    with pytest.raises(SettingsError) as caught:
        async with running(store_url, shards=8):
            pass
    assert str(caught.value).startswith("SESSION_ROUTER_SHARDS is 8, but this store's keys are")
    assert "divided into 4" in str(caught.value)
    async with running(store_url, shards=4) as service:
        assert (await service.send())["decision"] == "duplicate"
