"""`GET /metrics`: what it says, to whom, and when the store is away."""

import asyncio
import re
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from app import metrics
from app.errors import StoreUnavailable
from app.store import scripts
from app.stored_metrics import DROPS, ENDS, RUN_SECONDS
from tests.metrics.scrapes import CONTENT_TYPE, Scrape
from tests.service import Service, message, running, write_token
from tests.sessions import Clock
from tests.survival.eventually import eventually

LUA = Path(scripts.__file__).parent / "lua"
DECISIONS = "session_router_decisions_total"
ENDED = "session_router_runs_ended_total"


async def scrape(service: Service) -> Scrape:
    response = await service.ask("GET", "/metrics")
    assert response.status_code == 200, response.text
    assert response.headers["content-type"] == CONTENT_TYPE
    return Scrape(response.text)


@pytest.fixture
async def service(store_url: str, tmp_path: Path) -> AsyncIterator[Service]:
    """Give a service whose sweep is at work, on a clock that steps."""
    policy = tmp_path / "policy.yaml"
    policy.write_text(
        "version: 1\ndefaults: {isolation: shared, max_deliveries: 2,\n"
        "  queue: {max_per_sender: 1, overflow: drop_oldest}}\n"
    )
    async with running(store_url, Clock(), policy_file=policy) as service:
        yield service


async def test_every_decision_is_counted_by_its_kind_and_reason(service: Service) -> None:
    before = (await scrape(service)).by(DECISIONS, "reason")
    await service.send("m1")
    await service.send("m1")
    await service.send("b1", "bob")
    after = (await scrape(service)).by(DECISIONS, "reason")
    assert after - before == {"session_idle": 1, "known_id": 1, "other_sender_active": 1}


async def test_every_call_is_counted_by_its_verb_and_outcome(service: Service) -> None:
    def calls(of: Scrape, outcome: str) -> float:
        name = "session_router_calls_total"
        return sum(
            s.value
            for s in of.samples
            if s.name == name and s.labels == {"verb": "complete", "outcome": outcome}
        )

    before = await scrape(service)
    run = (await service.send("m1"))["run"]
    await service.complete(run)
    stale = {"fence": run["fence"] - 1, "outcome": "completed"}
    assert (await service.ask("POST", f"/v1/runs/{run['id']}/complete", json=stale)).is_error
    after = await scrape(service)
    for outcome in ("ok", "lease_lost"):
        assert calls(after, outcome) - calls(before, outcome) == 1
    counts = [
        s.by("session_router_call_seconds_count", "verb")["complete"] for s in (before, after)
    ]
    assert counts[1] - counts[0] == 2


async def test_an_address_that_is_nothing_adds_no_label(service: Service) -> None:
    before = await scrape(service)
    for path in ("/nothing", "/v1/nothing/456", "/v1/messages/456", "/docs"):
        await service.ask("GET", path)
    await service.ask("DELETE", "/v1/messages")
    after = await scrape(service)
    verbs = after.by("session_router_calls_total", "verb")
    new = verbs - before.by("session_router_calls_total", "verb")
    assert set(new) <= {"other", "metrics", "message", "admit"}
    assert all(re.fullmatch(r"[a-z_]+", verb) for verb in verbs)


async def test_a_lease_that_a_message_found_over_is_counted_with_its_cause(
    service: Service,
) -> None:
    await service.send("m1")
    service.clock.step(30)
    await service.send("m2")
    seen = await scrape(service)
    assert seen.by(ENDED, "how")["lease_expired"] == 1
    assert seen.value("session_router_messages_redelivered_total") == 1
    assert seen.value("session_router_runs_granted_total") == 2
    assert seen.value("session_router_runs_active") == 1
    assert seen.value("session_router_run_seconds_sum") == 30
    assert seen.value("session_router_run_seconds_bucket", le="15.0") == 0
    assert seen.value("session_router_run_seconds_bucket", le="60.0") == 1


async def test_a_forced_end_is_counted_once_however_often_it_is_asked_for(
    service: Service,
) -> None:
    key = (await service.send("m1"))["session"]["key"]
    for _ in range(2):
        await service.ask("POST", f"/v1/sessions/{key}/release", json={})
    assert (await scrape(service)).by(ENDED, "how")["forced"] == 1


async def test_a_repeated_complete_ends_a_run_once(service: Service) -> None:
    run = (await service.send("m1"))["run"]
    await service.complete(run)
    await service.complete(run)
    assert (await scrape(service)).by(ENDED, "how")["completed"] == 1


async def test_dead_letters_and_drops_are_counted_where_they_happen(service: Service) -> None:
    run = (await service.send("m1"))["run"]
    again = (await service.complete(run, "failed"))["next"]
    await service.complete(again, "failed")
    await service.send("m2")
    await service.send("b1", "bob")
    await service.send("b2", "bob")
    seen = await scrape(service)
    assert seen.value("session_router_messages_died_total") == 1
    assert seen.value("session_router_messages", state="dead") == 1
    assert seen.value("session_router_messages_dropped_total", reason="overflow") == 1


async def test_the_wait_of_a_queue_and_a_passed_deadline_are_shown(service: Service) -> None:
    await service.send("m1")
    await service.send("b1", "bob")
    service.clock.step(4)
    seen = await scrape(service)
    assert seen.value("session_router_oldest_wait_seconds") == 4
    assert seen.value("session_router_messages", state="waiting") == 1
    assert seen.value("session_router_overdue_seconds") == 0


async def test_claims_and_streams_are_counted_while_they_last(service: Service) -> None:
    async def waiting() -> float:
        return (await scrape(service)).value("session_router_claims_waiting")

    body = {"consumer": "w", "wait_seconds": 30}
    claim = asyncio.create_task(service.ask("POST", "/v1/runs/claim", json=body))
    await eventually(service.app.services.claims.waiting)
    assert await waiting() == 1
    await service.post("/v1/messages", message() | {"dispatch": "worker"})
    assert (await claim).json()["runs"]
    assert await waiting() == 0

    with metrics.open_stream("signals"):
        assert (await scrape(service)).value("session_router_streams", kind="signals") == 1
    assert (await scrape(service)).value("session_router_streams", kind="signals") == 0


async def test_while_the_store_is_away_the_page_says_so_and_counts_its_errors(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(*_call: object) -> None:
        raise StoreUnavailable

    errors = "session_router_store_errors_total"
    before = (await scrape(service)).value(errors, error="store_unavailable")
    monkeypatch.setattr(service.app.services.client, "_run", away)
    seen = await scrape(service)
    assert seen.value("session_router_store_up") == 0
    assert seen.value(errors, error="store_unavailable") > before
    assert "session_router_sessions" not in seen.names


@pytest.mark.parametrize(
    ("token", "status"), [("gw", 403), ("view", 200), ("op", 200), ("some", 403), ("", 401)]
)
async def test_the_page_is_for_viewers_and_operators_of_all_agents(
    store_url: str, tmp_path: Path, token: str, status: int
) -> None:
    tokens = tmp_path / "tokens.yaml"
    write_token(tokens, "gw", "gateway")
    write_token(tokens, "view", "viewer")
    write_token(tokens, "op", "operator")
    write_token(tokens, "some", "viewer", agents=("main",))
    async with running(store_url, tokens_file=tokens) as service:
        asking = service.with_token(token) if token else service
        assert (await asking.ask("GET", "/metrics")).status_code == status


async def test_without_tokens_the_page_is_for_this_machine_alone(service: Service) -> None:
    response = await service.ask("GET", "/metrics", client=("192.0.2.1", 1))
    assert response.status_code == 403


async def test_no_label_grows_with_users_chats_or_agents(service: Service) -> None:
    async def series() -> set[tuple[str, tuple[tuple[str, str], ...]]]:
        seen = await scrape(service)
        return {(s.name, tuple(sorted(s.labels.items()))) for s in seen.samples}

    async def traffic(number: int) -> None:
        fields = {"chat_id": f"c{number}", "platform": f"p{number}", "agent": f"a{number}"}
        run = (await service.send(f"m{number}", f"u{number}", **fields))["run"]
        await service.complete(run)

    await traffic(0)
    await series()
    before = await series()
    for number in range(1, 20):
        await traffic(number)
    assert await series() == before


def test_the_words_of_the_page_are_those_of_the_scripts() -> None:
    runs = (LUA / "session" / "runs.lua").read_text()
    bounds = re.search(r"RUN_SECONDS = \{(.*?)\}", runs)
    assert bounds
    assert tuple(map(int, bounds[1].split(","))) == RUN_SECONDS
    goes = re.search(r"local GOES = \{(.*?)\}", runs, re.DOTALL)
    assert goes
    assert set(re.findall(r"(\w+) =", goes[1])) == set(ENDS)
    every = "".join(path.read_text() for path in LUA.rglob("*.lua"))
    assert set(re.findall(r"\bomit\(\w+, '(\w+)'", every)) == set(DROPS)


async def test_a_request_id_comes_back_if_it_is_sane(service: Service) -> None:
    async def told(given: str | None) -> str:
        headers = {} if given is None else {"X-Request-Id": given}
        for path in ("/healthz", "/nothing", "/v1/stats"):
            response = await service.ask("GET", path, headers=headers)
            ids = response.headers.get_list("x-request-id")
            assert len(ids) == 1
        return str(ids[0])

    assert await told("gw-1.42_a") == "gw-1.42_a"
    assert re.fullmatch(r"[0-9a-f]{16}", await told(None))
    assert await told(None) != await told(None)
    for given in ("", "a" * 65, "two words", "a\tb", "<script>", "a/b"):
        assert re.fullmatch(r"[0-9a-f]{16}", await told(given)), given


async def test_an_unexpected_error_is_answered_with_its_request_id_and_counted(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service.app.services.figures, "read", None)
    transport = httpx.ASGITransport(service.app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8080") as http:
        response = await http.get("/v1/stats", headers={"X-Request-Id": "gw-7"})
    assert response.status_code == 500
    assert response.headers.get_list("x-request-id") == ["gw-7"]
    calls = (await scrape(service)).families["session_router_calls"].samples
    assert {"verb": "stats", "outcome": "service_error"} in [s.labels for s in calls]
