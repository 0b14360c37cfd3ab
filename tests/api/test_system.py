"""The service itself: health, documents, the policy file, several services on one store."""

import asyncio
from pathlib import Path

import pytest

from app.main import create_app
from app.routing.faults import PolicyError
from app.settings import Settings, SettingsError
from tests.service import Service, running, write_policy
from tests.sessions import Clock


async def test_health_and_readiness_are_told(service: Service) -> None:
    for path in ("/healthz", "/readyz"):
        assert await service.get(path) == {"status": "ok"}


async def test_a_service_that_is_stopped_at_once_ends(store_url: str) -> None:
    async def run_briefly() -> None:
        async with running(store_url) as service:
            await service.send()

    for _ in range(5):
        await asyncio.wait_for(run_briefly(), 5)


async def test_the_document_is_served(service: Service) -> None:
    document = await service.get("/openapi.json")
    assert document["info"]["title"]
    assert document["paths"] == service.document.document["paths"]


async def test_every_reference_of_the_document_leads_somewhere(service: Service) -> None:
    document = service.document.document
    schemas = document["components"]["schemas"]
    references: list[str] = []

    def walk(part: object) -> None:
        if isinstance(part, dict):
            if isinstance(part.get("$ref"), str):
                references.append(part["$ref"])
            for value in part.values():
                walk(value)
        if isinstance(part, list):
            for value in part:
                walk(value)

    walk(document)
    assert len(references) > 50
    missing = {r for r in references if r.removeprefix("#/components/schemas/") not in schemas}
    assert missing == set()


async def test_the_documents_own_examples_are_taken(service: Service) -> None:
    taken = 0
    for path, operations in service.document.document["paths"].items():
        body = operations.get("post", {}).get("requestBody")
        if body is None or "{" in path:
            continue
        example = body["content"]["application/json"]["example"]
        await service.post(path, {**example, **({"wait_seconds": 0} if "claim" in path else {})})
        taken += 1
    assert taken >= 2


async def test_every_answer_that_may_be_refused_documents_its_problems(service: Service) -> None:
    for path, operations in service.document.document["paths"].items():
        for method, operation in operations.items():
            if path.startswith("/v1/"):
                assert {"200", "401", "403", "503"} <= set(operation["responses"]), (method, path)
                header = operation["responses"]["503"]["headers"]
                assert "Retry-After" in header


async def test_rules_of_the_policy_file_are_in_force(store_url: str, tmp_path: Path) -> None:
    policy_file = write_policy(
        tmp_path,
        {
            "defaults": {"lease_seconds": 60},
            "rules": [
                {
                    "name": "support",
                    "match": {"chat_id": ["1", "2"]},
                    "set": {"isolation": "tagged", "busy": {"same_sender": "queue"}},
                },
                {"name": "brief", "match": {"chat_id": "2"}, "set": {"lease_seconds": 5}},
            ],
        },
    )
    async with running(store_url, policy_file=policy_file) as service:
        plain = await service.send(chat_id="3")
        assert (plain["rule"], plain["run"]["lease_seconds"]) == (["defaults"], 60)
        first = await service.send(chat_id="2")
        assert first["rule"] == ["defaults", "support", "brief"]
        assert (first["run"]["lease_seconds"], first["run"]["heartbeat_seconds"]) == (5, 5 / 3)
        assert first["session"]["key"] == "agent:main:discord:group:2"
        again = await service.send("m2", chat_id="2")
        assert (again["decision"], again["reason"]) == ("queue", "same_sender_active")


def test_a_policy_with_a_fault_is_refused_at_the_start(tmp_path: Path) -> None:
    policy_file = write_policy(tmp_path, {"defaults": {"isolaton": "shared"}})
    with pytest.raises(PolicyError, match="isolaton"):
        create_app(Settings(redis_url="redis://nobody", policy_file=policy_file))


async def test_two_services_on_one_store_decide_as_one(store_url: str) -> None:
    clock = Clock()
    async with running(store_url, clock) as left, running(store_url, clock) as right:
        first = await left.send("m1")
        again = await right.send("m1")
        assert (again["decision"], again["run"]) == ("duplicate", first["run"])
        assert (await right.send("m2"))["decision"] == "interrupt"
        assert (await left.heartbeat(first["run"]))["interrupt"]["message_id"] == "m2"
        done = await right.complete(first["run"], "interrupted")
        assert await left.complete(first["run"], "interrupted") == done
        clock.step(31)
        third = await left.send("m3")
        assert [m["deliveries"] for m in third["run"]["messages"]] == [2, 1]
        assert await right.get("/v1/stats") == await left.get("/v1/stats")


async def test_a_service_with_another_number_of_shards_does_not_start(store_url: str) -> None:
    async with running(store_url, shards=4) as service:
        await service.send()
    with pytest.raises(SettingsError, match="SHARDS"):
        async with running(store_url, shards=5):
            raise AssertionError("it started")
    async with running(store_url, shards=4) as service:
        assert (await service.send())["decision"] == "duplicate"


async def test_another_service_with_another_policy_keeps_the_home_of_an_id(
    store_url: str, tmp_path: Path
) -> None:
    policy_file = write_policy(tmp_path, {"defaults": {"isolation": "shared"}})
    async with running(store_url) as old, running(store_url, policy_file=policy_file) as new:
        first = await old.send()
        again = await new.send()
        assert (again["decision"], again["run"]) == ("duplicate", first["run"])
        assert again["session"]["key"] == first["session"]["key"]
        assert (await new.send("m2"))["session"]["key"] == "agent:main:discord:group:123"
