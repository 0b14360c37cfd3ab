"""The examples of the contract's sections 4 and 5, as printed there."""

import json
from pathlib import Path
from typing import Any

from tests.service import Json, Service, running, write_policy
from tests.sessions import Clock

ELIDED = "…"

REQUEST = json.loads("""
{"agent": "main", "message_id": "1180", "consumer": "gw-1",
 "source": {"platform": "discord", "chat_type": "group", "chat_id": "123",
            "user_id": "456", "user_name": "Alice"},
 "text": "how do I reset it?", "payload": {"anything": "the gateway wants back"},
 "kind": "user", "control": null, "busy": null, "dispatch": "inline",
 "group": null, "answers": null, "to": null, "sent_at": null}
""")

# As printed, but for two things that the page abridges: its `payload` stands for the one sent,
# and `lease_expires_at` is `lease_seconds` after the grant, which the fence dates to 06:29:16.
ANSWER = json.loads("""
{"decision": "run", "reason": "session_idle",
 "session": {"key": "agent:main:discord:group:123:456", "id": "…", "is_new": true,
             "isolation": "per_user", "previous_id": null, "reset_reason": null,
             "participants": [{"user_id": "456", "user_name": "Alice"}],
             "prompt_note": null,
             "context": {"tokens": 0, "limit": 200000, "ratio": 0.0, "action": "none"}},
 "run": {"id": "…", "fence": 1795328956000001, "consumer": "gw-1",
         "lease_seconds": 30, "heartbeat_seconds": 10,
         "lease_expires_at": "2026-11-22T06:29:46.000Z",
         "session_key": "agent:main:discord:group:123:456", "session_id": "…",
         "route": {"platform": "discord", "account": "default", "chat_id": "123",
                   "thread_id": null, "reply_to": "1180"},
         "text": "how do I reset it?", "context": [], "omitted": [], "previous": null, "data": {},
         "messages": [{"message_id": "1180", "seq": 1,
                       "source": {"platform": "discord", "…": "…"},
                       "user_id": "456", "user_name": "Alice",
                       "text": "…", "tagged_text": null,
                       "payload": {"anything": "the gateway wants back"}, "kind": "user",
                       "received_at": "…", "deliveries": 1}]},
 "active_run": null, "queue": null, "thread": null, "control": null,
 "duplicate_of": null, "state": "in_run", "dropped": [], "rule": ["defaults", "discord-groups"]}
""")

POLICY = {
    "rules": [
        {"name": "discord-groups", "match": {"platform": "discord", "chat_type": "group"}},
        {"name": "telegram", "match": {"platform": "telegram"}},
    ]
}


def assert_as_printed(printed: Any, given: Any, path: str = "") -> None:
    """Assert that every printed field is given, with its value."""
    if printed == ELIDED:
        assert given not in {None, ""}, path
    elif isinstance(printed, dict):
        for name, value in printed.items():
            if name != ELIDED:
                assert name in given, f"{path}.{name} is missing"
                assert_as_printed(value, given[name], f"{path}.{name}")
    elif isinstance(printed, list) and isinstance(given, list):
        assert len(printed) == len(given), path
        for number, value in enumerate(printed):
            assert_as_printed(value, given[number], f"{path}.{number}")
    else:
        assert given == printed, path
        assert isinstance(given, bool) == isinstance(printed, bool), path


async def test_the_answer_to_the_printed_message_is_the_printed_answer(
    store_url: str, tmp_path: Path
) -> None:
    policy_file = write_policy(tmp_path, POLICY)
    async with running(store_url, Clock(), policy_file=policy_file) as service:
        answer = await service.post("/v1/messages", REQUEST)
    assert_as_printed(ANSWER, answer)
    assert set(answer) == set(ANSWER)
    assert answer["session"]["id"] == answer["run"]["session_id"]
    assert answer["run"]["messages"][0]["text"] == REQUEST["text"]
    assert answer["run"]["messages"][0]["received_at"] == "2026-11-22T06:29:16.000Z"


async def test_a_message_behind_a_run_is_told_of_it_and_of_its_place(service: Service) -> None:
    first = await service.send("m1", "456", chat_type="dm", chat_id="d")
    answer = await service.send("m2", "789", chat_type="dm", chat_id="d")
    assert answer["active_run"] == {
        "id": first["run"]["id"],
        "consumer": "gw-1",
        "started_at": "2026-11-22T06:29:16.000Z",
        "owners": ["discord:456"],
        "status": None,
        "asking": None,
    }
    assert answer["queue"] == {"position": 1, "depth": 1, "ready_at": None, "first": True}
    assert (answer["run"], answer["state"]) == (None, "waiting")


async def test_a_heartbeat_answers_the_printed_fields(service: Service) -> None:
    run = (await service.send())["run"]
    service.clock.step(10)
    body = {
        "fence": run["fence"],
        "status": "reading",
        "usage": {"context_tokens": 12_000, "input_tokens": 5, "output_tokens": 6, "cost_usd": 0.1},
    }
    answer = await service.post(f"/v1/runs/{run['id']}/heartbeat", body)
    assert answer == {
        "lease_expires_at": "2026-11-22T06:29:56.000Z",
        "sealed": False,
        "interrupt": None,
        "steer": [],
        "answers": [],
    }
    await service.send("m2")
    assert (await service.heartbeat(run))["interrupt"] == {
        "cause": "message",
        "user_id": "456",
        "message_id": "m2",
        "requested_at": "2026-11-22T06:29:26.000Z",
        "deadline": "2026-11-22T06:30:26.000Z",
    }


async def test_complete_answers_the_printed_fields(service: Service) -> None:
    run = (await service.send())["run"]
    await service.send("m2")
    answer = await service.complete(run, "interrupted", reason="asked to", next=True)
    assert set(answer) == {"next", "returned", "session"}
    assert answer["returned"] == []
    assert answer["session"]["key"] == run["session_key"]
    following = answer["next"]
    assert set(following) >= set(ANSWER["run"])
    assert [m["message_id"] for m in following["messages"]] == ["m2"]
    assert (await service.complete(following))["next"] is None


async def test_a_runs_state_and_what_a_consumer_holds(service: Service) -> None:
    run = (await service.send())["run"]
    other = (await service.send("o1", "789"))["run"]
    shown = await service.get(f"/v1/runs/{run['id']}")
    assert (shown["state"], shown["fence"], shown["message_ids"]) == (
        "active",
        run["fence"],
        ["m1"],
    )
    held = await service.get("/v1/runs", consumer="gw-1")
    assert {run["id"] for run in held["runs"]} == {run["id"], other["id"]}
    await service.complete(run, "failed", reason="broken", next=False)
    shown = await service.get(f"/v1/runs/{run['id']}")
    assert (shown["state"], shown["outcome"], shown["reason"]) == ("ended", "failed", "broken")
    held = await service.get("/v1/runs", consumer="gw-1")
    assert [run["id"] for run in held["runs"]] == [other["id"]]


async def test_resolve_explains_and_touches_nothing(store_url: str, tmp_path: Path) -> None:
    policy_file = write_policy(
        tmp_path,
        {"rules": [{"name": "one", "match": {"chat_id": "123"}, "set": {"isolation": "tagged"}}]},
    )
    async with running(store_url, Clock(), policy_file=policy_file) as service:
        answer = await service.post("/v1/resolve", {"source": REQUEST["source"]})
        assert set(answer) == {"key", "policy", "rules", "why"}
        assert answer["key"] == "agent:main:discord:group:123"
        assert answer["policy"]["isolation"] == "tagged"
        assert (answer["rules"]["isolation"], answer["rules"]["drain"]) == ("one", "defaults")
        whole = await service.post("/v1/resolve", REQUEST)
        assert whole == answer
        assert (await service.get("/v1/stats"))["messages"]["accepted"] == 0
        assert (await service.get("/v1/sessions"))["sessions"] == []


async def test_tagged_messages_say_who_spoke(store_url: str, tmp_path: Path) -> None:
    policy_file = write_policy(tmp_path, {"defaults": {"isolation": "tagged"}})
    async with running(store_url, Clock(), policy_file=policy_file) as service:
        body: Json = {**REQUEST, "text": "one\ntwo"}
        answer = await service.post("/v1/messages", body)
        assert answer["run"]["messages"][0]["tagged_text"] == "[Alice · 456] one\n> two"
        assert answer["run"]["text"] == "[Alice · 456] one\n> two"
        assert answer["session"]["prompt_note"]
        assert answer["session"]["isolation"] == "tagged"
