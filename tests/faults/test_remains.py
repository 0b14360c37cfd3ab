"""What does not come to rest by itself is told, whatever state it is in, and on whatever page."""

import json
import urllib.request
from collections.abc import AsyncIterator, Iterator
from functools import partial
from pathlib import Path

import pytest
import pytest_asyncio

import app.torture.director
from app.torture.director import Director, Task
from app.torture.history import Json
from app.torture.plan import Plan
from app.torture.rest import Remains
from app.torture.routers import Routers
from app.torture.senders import Stuck
from tests.faults.services import services

POLICY = """
version: 1
defaults: {lease_seconds: 3600, retry_delay_seconds: 3600}
"""


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder: Path = tmp_path_factory.mktemp("remains")
    (folder / "policy.yaml").write_text(POLICY)
    with services(folder, 1, "--policy", str(folder / "policy.yaml")) as (service,):
        yield service.url


@pytest_asyncio.fixture
async def routers(url: str) -> AsyncIterator[Routers]:
    async with Routers((url,), None, 10.0) as found:
        yield found


def post(url: str, path: str, body: Json) -> Json:
    data, headers = json.dumps(body).encode(), {"Content-Type": "application/json"}
    with urllib.request.urlopen(urllib.request.Request(url + path, data, headers)) as answer:
        found: Json = json.load(answer)
        return found


def send(
    url: str, agent: str, user: str, *, dispatch: str = "inline", platform: str = "discord"
) -> Json:
    place = {"platform": platform, "chat_type": "group", "chat_id": "c", "user_id": user}
    ids = {"agent": agent, "message_id": f"{user}-1", "consumer": "gw"}
    return post(url, "/v1/messages", {**ids, "source": place, "text": "a", "dispatch": dispatch})


async def told(remains: Remains) -> str:
    """What is said to be stuck, at the second look at the latest."""
    with pytest.raises(Stuck) as caught:
        await remains.are_delays() or await remains.are_delays()
    return str(caught.value)


async def test_a_run_that_does_not_end_is_told_at_the_hard_deadline(
    url: str, routers: Routers
) -> None:
    run = send(url, "holds", "u")["run"]
    assert not await Remains(routers, "holds").are_delays()
    said = await told(Remains(routers, "holds", hard_seconds=0.0))
    assert "have not come to rest, 1 in all" in said
    assert run["id"] in said
    assert "'event': 'granted'" in said


async def test_a_paused_session_in_which_something_waits_is_told(
    url: str, routers: Routers
) -> None:
    key = send(url, "pauses", "u", dispatch="worker")["session"]["key"]
    post(url, f"/v1/sessions/{key}/pause", {})
    said = await told(Remains(routers, "pauses", still_seconds=0.0))
    assert "do not go on by themselves, 1 in all" in said
    assert "'state': 'paused'" in said
    assert "'event': 'paused'" in said


async def test_what_is_ready_is_told_when_nobody_has_taken_it_for_a_while(
    url: str, routers: Routers
) -> None:
    send(url, "waits", "u", dispatch="worker")
    remains = Remains(routers, "waits", still_seconds=0.0)
    assert "'state': 'waiting'" in await told(remains)
    patient = Remains(routers, "waits")
    assert not await patient.are_delays()


async def test_all_pages_are_looked_at(url: str, routers: Routers) -> None:
    for number in range(205):
        send(url, "pages", f"u-{number}", dispatch="worker")
    assert "205 in all" in await told(Remains(routers, "pages", still_seconds=0.0))


async def test_what_waits_for_a_far_deadline_is_at_rest(url: str, routers: Routers) -> None:
    run = send(url, "delays", "u")["run"]
    body = {"fence": run["fence"], "outcome": "failed"}
    post(url, f"/v1/runs/{run['id']}/complete", body)
    assert await Remains(routers, "delays", still_seconds=0.0, hard_seconds=0.0).are_delays()


async def test_a_torture_does_not_wait_for_a_session_that_somebody_paused(
    url: str, routers: Routers, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(app.torture.director, "Remains", partial(Remains, still_seconds=0.0))
    plan = Plan("paused", 1)
    key = send(url, plan.agent, "u", platform=plan.platform, dispatch="worker")["session"]["key"]
    post(url, f"/v1/sessions/{key}/pause", {})
    task = Task(
        urls=(url,),
        token=None,
        plan=plan,
        folder=tmp_path,
        seconds=0.0,
        gateways=0,
        workers=0,
        processes=0,
        messages_per_second=1.0,
        patience_seconds=0.0,
        keeps_policy=True,
    )
    with pytest.raises(Stuck, match="do not go on by themselves"):
        await Director(task, routers).rest()


async def test_nothing_is_left_where_nothing_waits(url: str, routers: Routers) -> None:
    run = send(url, "rests", "u")["run"]
    key = run["session_key"]
    body = {"fence": run["fence"], "outcome": "completed"}
    post(url, f"/v1/runs/{run['id']}/complete", body)
    post(url, f"/v1/sessions/{key}/pause", {})
    remains = Remains(routers, "rests", still_seconds=0.0, hard_seconds=0.0)
    assert not await remains.are_delays()
