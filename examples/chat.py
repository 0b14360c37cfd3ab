"""A stand-in for a chat platform's library: events in, replies out."""

import json
import sys
from pathlib import Path
from typing import Any

from session_router import RunInWork, Source


def fields_of(event: dict[str, str]) -> dict[str, Any]:
    """Return what `submit` takes for an event: `id`, `chat`, `user` and `text`.

    `/stop` and `/new` act at once; `/steer ...` and `/queue ...` choose for one message what
    it does to a busy session.
    """
    user, text = event["user"], event["text"]
    source = Source(
        platform="demo", chat_type="group", chat_id=event["chat"], user_id=user, user_name=user
    )
    fields = {"message_id": event["id"], "source": source}
    command, _, rest = text.partition(" ")
    match command:
        case "/stop":
            return fields | {"control": "stop"}
        case "/new":
            return fields | {"control": "reset"}
        case "/steer" | "/queue":
            return fields | {"text": rest, "busy": command[1:]}
        case _:
            return fields | {"text": text}


class Outbox:
    """Where replies go: a line of JSON each, to a file or, without one, to the terminal."""

    def __init__(self, path: Path | None) -> None:
        self._path = path

    def send(self, run: RunInWork, answered: list[str], text: str) -> None:
        """Post a reply to the chat that the run came from."""
        reply = {
            "chat": run.run.route.chat_id,
            "reply_to": run.run.route.reply_to,
            "text": text,
            "answers": answered,
            "by": run.run.consumer,
        }
        line = json.dumps(reply) + "\n"
        if self._path is None:
            sys.stdout.write(line)
            sys.stdout.flush()
            return
        with self._path.open("a", encoding="utf-8") as file:
            file.write(line)
