"""How long a page of the session list takes, with 100,000 sessions in the store."""

import time
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import urlencode

from bench.figures import Figure, quantile
from bench.machine import Connection, Json, machine, message
from bench.seeding import seed

POLICY = {"defaults": {"lease_seconds": 3600, "busy": {"same_sender": "queue"}}}
TARGET_MS = 50.0
WAITING = 500
PAGES: dict[str, Json] = {
    "by key": {},
    "by state": {"state": "running"},
    "by the oldest wait": {"order": "oldest_wait"},
    "of one chat": {"chat": "chat-0004711"},
    "of a user who is nowhere": {"user": "nobody"},
    "that nothing fits": {"search": "nothing"},
}


async def measure(*, short: bool) -> list[Figure]:
    sessions, samples = (20_000, 40) if short else (100_000, 200)
    with (
        TemporaryDirectory(prefix="bench-") as name,
        machine(Path(name), 1, POLICY) as (store, (router,)),
    ):
        await seed(store.url, POLICY, sessions)
        connection = await Connection.open(router.port)
        for number in range(WAITING):
            body = message("m2", f"chat-{number * sessions // WAITING:07}", "gateway-000")
            assert (await connection.post("/v1/messages", body))["decision"] == "queue"
        figures = []
        for kind, query in PAGES.items():
            figures += await _figures(connection, f"a page {kind}", query, samples)
        connection.close()
    return figures


async def _figures(connection: Connection, name: str, query: Json, samples: int) -> list[Figure]:
    """Every page from the first to the last, over and over, until there are enough."""
    took_ms: list[float] = []
    pages, cursor = 0, None
    while len(took_ms) < samples:
        more = {} if cursor is None else {"cursor": cursor}
        before = time.perf_counter()
        connection.ask("GET", f"/v1/sessions?{urlencode({**query, **more})}")
        page = await connection.answer()
        took_ms.append((time.perf_counter() - before) * 1000)
        pages += cursor is None
        cursor = page["cursor"]
    return [
        Figure(f"{name}, p50", quantile(took_ms, 0.5), "ms", None, len(took_ms)),
        Figure(f"{name}, p95", quantile(took_ms, 0.95), "ms", TARGET_MS, len(took_ms)),
        Figure(f"{name}, pages to the end", len(took_ms) / pages, "pages", None, pages),
    ]
