"""The examples of `openapi.yaml` are what the service answers, to the letter."""

from pathlib import Path
from typing import Any, get_args

import pytest
from pydantic import BaseModel

from app.api.examples import ANSWERS, ASK, CLAIM, MESSAGE, REFUSALS
from app.errors import StoreUnavailable
from session_router.models import (
    ClaimedRuns,
    Completion,
    Decision,
    DecisionWord,
    Heartbeat,
)
from tests.service import Json, Service, running, write_policy
from tests.sessions import Clock

MODELS: dict[str, type[BaseModel]] = {
    "admit": Decision,
    "heartbeat": Heartbeat,
    "complete": Completion,
    "claim": ClaimedRuns,
}


@pytest.mark.parametrize("operation", ANSWERS)
def test_every_answer_shown_is_one_of_its_model(operation: str) -> None:
    for shown in ANSWERS[operation].values():
        read = MODELS[operation].model_validate(shown)
        assert read.model_dump(mode="json") == shown


def test_every_decision_is_shown() -> None:
    assert set(ANSWERS["admit"]) == set(get_args(DecisionWord))
    assert all(shown["decision"] == word for word, shown in ANSWERS["admit"].items())


async def test_a_service_gives_the_answers_that_are_shown(store_url: str, tmp_path: Path) -> None:
    policy_file = write_policy(tmp_path, {"defaults": {"queue": {"max_per_sender": 1}}})
    async with running(store_url, Clock(), policy_file=policy_file) as service:
        given = await play(service)
    assert given == ANSWERS


async def play(service: Service) -> dict[str, dict[str, Json]]:
    """Play Alice's story, and give the answers by operation and name."""

    async def say(message_id: str, text: str, **fields: Any) -> Json:
        body = {**MESSAGE, "message_id": message_id, "text": text, "payload": None, **fields}
        return await service.post("/v1/messages", body)

    admit = {"run": await say("1180", MESSAGE["text"], payload=MESSAGE["payload"])}
    run = admit["run"]["run"]
    beats = {"go on": await service.heartbeat(run)}
    admit["duplicate"] = await say("1180", MESSAGE["text"])
    admit["steer"] = await say("1181", "the blue one", busy="steer")
    beats["steer"] = await service.heartbeat(run)
    await service.heartbeat(run, seen=["1181"])
    await service.post(f"/v1/runs/{run['id']}/ask", ASK)
    admit["answer"] = await say("1182", "yes", answers=ASK["prompt_id"])
    withdrawn = {"fence": run["fence"], "prompt_id": None}
    await service.post(f"/v1/runs/{run['id']}/ask", withdrawn)
    await service.heartbeat(run, seen=["1182"])
    admit["interrupt"] = await say("1183", "no, the red one")
    beats["interrupt"] = await service.heartbeat(run)
    completions = {"next": await service.complete(run, "interrupted")}
    completions["nothing waits"] = await service.complete(completions["next"]["next"])
    await say("1184", "and the green one?", dispatch="worker")
    claims = {"a run": await service.post("/v1/runs/claim", CLAIM)}
    claims["nothing"] = await service.post("/v1/runs/claim", {"consumer": "worker-7f3b"})
    admit["queue"] = await say("1185", "or the grey one", busy="queue")
    admit["reject"] = await say("1186", "hello?", busy="queue")
    admit["kept"] = await say("1187", "is anybody here?", kind="context")
    admit["control"] = await say("1188", "/stop", control="stop")
    return {"admit": admit, "heartbeat": beats, "complete": completions, "claim": claims}


async def test_a_service_gives_the_refusals_that_are_shown(service: Service) -> None:
    run = (await service.send())["run"]
    stale = f"/v1/runs/{run['id']}"
    unknown = "1.0.YWdlbnQ6bWFpbjpkaXNjb3JkOmdyb3VwOjEyMzo0NTY"
    calls: list[tuple[str, str, Json]] = [
        ("admit", "/v1/messages", {**MESSAGE, "colour": "red"}),
        ("admit", "/v1/messages", {**MESSAGE, "text": "a" * (160 * 1024 + 1)}),
        *(
            (verb, f"{path}/{verb}", {"outcome": "completed"} if verb == "complete" else {})
            for verb in ("heartbeat", "complete")
            for path in (stale, f"/v1/runs/{unknown}")
        ),
    ]
    given: set[tuple[str, str]] = set()
    for operation, path, body in calls:
        fence = {} if operation == "admit" else {"fence": 1}
        answer = (await service.ask("POST", path, json={**body, **fence})).json()
        shown = {r.problem().type: r.problem() for r in REFUSALS[operation]}
        expected = shown[answer["type"]].model_dump(mode="json", exclude_defaults=True)
        assert answer == expected
        given.add((operation, answer["type"]))
    away = StoreUnavailable().problem().type  # `test_store_away.py` has it
    every = {(o, r.problem().type) for o, refusals in REFUSALS.items() for r in refusals}
    assert given == {(operation, type_) for operation, type_ in every if type_ != away}
