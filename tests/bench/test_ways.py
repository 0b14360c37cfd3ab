"""The other ways decide rightly: what is compared does what it is said to do."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from bench.machine import Server, message

TOKEN = "of-the-bench"


@contextmanager
def served(way: str, store_url: str, folder: Path) -> Iterator[httpx.Client]:
    env = {"BENCH_REDIS_URL": store_url, "BENCH_TOKEN": TOKEN}
    server = Server(["bench.ways", way, "1"], folder / "log", 1, env)
    try:
        server.await_ready()
        headers = {"Authorization": f"Bearer {TOKEN}"}
        with httpx.Client(base_url=f"http://127.0.0.1:{server.port}", headers=headers) as client:
            yield client
    finally:
        server.stop()


def decided(client: httpx.Client, message_id: str) -> dict[str, Any]:
    answer = client.post("/v1/messages", json=message(message_id, "c1", "gw"))
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


@pytest.mark.parametrize("way", ["naive", "standard"])
def test_a_session_gets_one_run_what_follows_waits_and_each_id_counts_once(
    way: str, store_url: str, tmp_path: Path
) -> None:
    with served(way, store_url, tmp_path) as client:
        words = [decided(client, message_id)["decision"] for message_id in ("1", "2", "1", "2")]
        stranger = client.post(
            "/v1/messages", json=message("3", "c1", "gw"), headers={"Authorization": "Bearer no"}
        )
    assert words == ["run", "queue", "duplicate", "duplicate"]
    assert stranger.status_code == 401


def test_the_standard_way_hands_over_what_waits_and_refuses_an_old_fence(
    store_url: str, tmp_path: Path
) -> None:
    with served("standard", store_url, tmp_path) as client:
        run = decided(client, "1")["run"]
        decided(client, "2")
        path, end = f"/v1/runs/{run['id']}/complete", {"outcome": "completed"}
        handed = client.post(path, json={**end, "fence": run["fence"]}).json()["next"]
        assert [one["message_id"] for one in handed["messages"]] == ["2"]
        assert client.post(path, json={**end, "fence": run["fence"]}).status_code == 409
        ended = client.post(path, json={**end, "fence": handed["fence"]})
        assert ended.json() == {"result": "completed", "next": None}
        assert decided(client, "3")["run"]["fence"] > handed["fence"]
