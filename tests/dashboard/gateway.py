"""A gateway and an operator outside the browser, over HTTP, against the same service."""

from typing import Any
from urllib.parse import quote

import httpx

from tests.faults.services import Service

Json = dict[str, Any]
_OF_A_MESSAGE = {"agent", "consumer", "text", "kind", "control", "busy", "dispatch"}


class Gateway:
    """Sends messages, works on runs, and looks things up; `token` is None where none is needed."""

    def __init__(self, process: Service, token: str | None = None) -> None:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        self.process = process
        self.url = process.url
        self.http = httpx.Client(base_url=self.url, headers=headers, timeout=30)

    def close(self) -> None:
        self.http.close()

    def ask(self, method: str, path: str, body: Any = None) -> Json:
        """Call, and give the JSON of an answer that must be 200."""
        response = self.http.request(method, path, json=body)
        assert response.status_code == 200, response.text
        answer: Json = response.json()
        return answer

    def send(self, message_id: str, user: str = "alice", **fields: Any) -> Json:
        """Bring a message; what is no field of a message is one of its source."""
        source: Json = {"platform": "discord", "chat_type": "group", "chat_id": "room"}
        source |= {"user_id": user, "user_name": user.capitalize()}
        body: Json = {"message_id": message_id, "consumer": "gw-1", "text": f"text of {message_id}"}
        for name, value in fields.items():
            (body if name in _OF_A_MESSAGE else source)[name] = value
        return self.ask("POST", "/v1/messages", {**body, "source": source})

    def run(self, message_id: str, user: str = "alice", **fields: Any) -> Json:
        """Bring a message that must start a run, and give that run."""
        answer = self.send(message_id, user, **fields)
        assert answer["decision"] == "run", answer
        run: Json = answer["run"]
        return run

    def beat(self, run: Json, **report: Any) -> Json:
        return self.ask(
            "POST", f"/v1/runs/{run['id']}/heartbeat", {"fence": run["fence"], **report}
        )

    def end(self, run: Json, outcome: str = "completed", **fields: Any) -> Json:
        body = {"fence": run["fence"], "outcome": outcome, **fields}
        return self.ask("POST", f"/v1/runs/{run['id']}/complete", body)

    def is_lost(self, run: Json) -> bool:
        """Tell whether the holder of a run is refused."""
        path = f"/v1/runs/{run['id']}/heartbeat"
        return self.http.post(path, json={"fence": run["fence"]}).status_code == 409

    def claim(self, wait_seconds: float = 10, **filters: Any) -> list[Json]:
        body = {"consumer": "worker-1", "wait_seconds": wait_seconds, **filters}
        runs: list[Json] = self.ask("POST", "/v1/runs/claim", body)["runs"]
        return runs

    def session(self, key: str) -> Json:
        return self.ask("GET", f"/v1/sessions/{quote(key, safe='')}")

    def policy(self, **defaults: Any) -> None:
        self.ask("PUT", "/v1/policy", {"defaults": defaults})


def ids(run: Json) -> list[str]:
    """Ids of a run's batch."""
    return [message["message_id"] for message in run["messages"]]
