"""Who is compared: this service and other ways to do it, as processes on the same store."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from app.store.embedded import EmbeddedValkey
from app.tokens import TokenEntry, add_token, generate_token, hash_token
from bench.machine import Json, Router, Server

TOKEN: Final = generate_token()

POLICY: Final[Json] = {
    # Long enough that no lease ends while a turn lasts.
    "defaults": {"lease_seconds": 300, "moderators": ["discord:1", "root"]},
    "rules": [
        {
            "name": "support",
            "match": {"platform": "discord", "chat_id": ["1180000000000000001", "support-*"]},
            "set": {"isolation": "tagged", "busy": {"same_sender": "queue"}},
        },
        {
            "name": "our guild",
            "match": {"platform": "discord", "scope": "990000000000000001"},
            "set": {"queue": {"max": 100}, "reset": {"mode": "idle", "idle_minutes": 720}},
        },
        {
            "name": "telegram groups",
            "match": {"platform": "telegram", "chat_type": "group"},
            "set": {"isolation": "conversation"},
        },
        {"name": "bots", "match": {"is_bot": True}, "set": {"busy": {"same_sender": "queue"}}},
        {
            "name": "night shift",
            "match": {"account": "night", "chat_id": "*-night"},
            "set": {"debounce_ms": 500},
        },
    ],
    "identities": {"root": ["discord:2", "telegram:2"]},
}

# `@` is the number of the message: everyone writes once, in a chat of his own.
BODY: Final = json.dumps(
    {
        "message_id": "1181@",
        "consumer": "gateway-1",
        "source": {
            "platform": "discord",
            "scope": "990000000000000001",
            "chat_type": "group",
            "chat_id": "1182@",
            "user_id": "1183@",
            "user_name": "Alice of the second floor",
        },
        "text": "how do I reset it? I pressed the button for ten seconds, as the manual says, and "
        "it only blinks twice and goes on as before",
        "payload": {"channel_name": "help", "attachments": []},
    }
)


@dataclass(frozen=True)
class Rival:
    """A way to decide; `start` runs it on a store, with files in a folder."""

    name: str
    start: Callable[[EmbeddedValkey, Path], Server]


def _ours(workers: int) -> Rival:
    def start(store: EmbeddedValkey, folder: Path) -> Server:
        tokens = folder / "tokens.yaml"
        add_token(tokens, TokenEntry(name="gw", role="gateway", sha256=hash_token(TOKEN)))
        return Router(folder, store, POLICY, workers, ("--tokens", str(tokens)))

    return Rival(f"this service, {'one worker' if workers == 1 else 'two workers'}", start)


def _way(name: str, module: str) -> Rival:
    def start(store: EmbeddedValkey, folder: Path) -> Server:
        env = {"BENCH_REDIS_URL": store.url, "BENCH_TOKEN": TOKEN}
        return Server(["bench.ways", module, "2"], folder / "log", 2, env)

    return Rival(f"{name}, two workers", start)


ONE_WORKER: Final = _ours(1)
SERVICE: Final = _ours(2)
NAIVE: Final = _way("naive way", "naive")
STANDARD: Final = _way("standard way", "standard")
BARE: Final = _way("bare uvicorn", "bare")
RIVALS: Final = (BARE, NAIVE, STANDARD, ONE_WORKER, SERVICE)
