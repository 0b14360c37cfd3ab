"""From a message to the signal on the holder's stream, 500 runs active on two routers.

An interrupt, and the press of a button that answers what the run asks.

The time runs from just before the request is sent, so it contains the decision itself. The
message comes in by one router, the stream hangs on the other.
"""

import asyncio
import json
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.figures import Figure, spread
from bench.machine import Connection, Json, machine, message

POLICY: Json = {"defaults": {"lease_seconds": 600, "interrupt_grace_seconds": None}}
PAUSE_SECONDS = 0.01
RUNS = 500


async def measure(*, short: bool) -> list[Figure]:
    figures = []
    for consumers in (50, 2):
        delays = await _delays(consumers, 100 if short else RUNS)
        name = f"message to interrupt, {RUNS} runs of {consumers} consumers"
        figures += spread(name, delays, "ms", p50=20.0, p99=50.0)
    delays = await _delays(50, 100 if short else RUNS, asks=True)
    figures += spread(f"button to answer, {RUNS} runs that ask", delays, "ms", p99=100.0)
    return figures


async def _delays(consumers: int, samples: int, *, asks: bool = False) -> list[float]:
    with (
        TemporaryDirectory(prefix="bench-") as name,
        machine(Path(name), 2, POLICY) as (_, routers),
    ):
        calls = [await Connection.open(router.port) for router in routers]
        runs = []
        for number in range(RUNS):
            body = message("m1", f"c{number}", f"gw-{number % consumers}")
            run = (await calls[number % 2].post("/v1/messages", body))["run"]
            runs.append(run["id"])
            if asks:
                question = {"fence": run["fence"], "prompt_id": "sure?"}
                await calls[number % 2].post(f"/v1/runs/{run['id']}/ask", question)
        came: dict[str, asyncio.Future[float]] = {}
        streams = [
            asyncio.create_task(_listen(routers[number % 2].port, f"gw-{number}", came))
            for number in range(consumers)
        ]
        await asyncio.sleep(1.5)  # every stream is open
        delays = []
        for number in range(samples):
            came[runs[number]] = asyncio.get_running_loop().create_future()
            body = message("m2", f"c{number}", f"gw-{number % consumers}")
            body |= {"answers": "sure?"} if asks else {}
            # The stream of consumer n hangs on router n % 2: the message takes the other one.
            call = calls[(number % consumers + 1) % 2]
            since = time.perf_counter()
            call.ask("POST", "/v1/messages", body)
            heard = await asyncio.wait_for(came[runs[number]], 10)
            delays.append((heard - since) * 1000)
            decided = (await call.answer())["decision"]
            assert decided == ("answer" if asks else "interrupt"), decided
            await asyncio.sleep(PAUSE_SECONDS)
        for stream in streams:
            stream.cancel()
        await asyncio.gather(*streams, return_exceptions=True)
        for call in calls:
            call.close()
    return delays


async def _listen(port: int, consumer: str, came: dict[str, asyncio.Future[float]]) -> None:
    stream = await Connection.open(port)
    try:
        stream.ask("GET", f"/v1/signals?consumer={consumer}")
        while line := await stream.reader.readline():
            if line.startswith(b'data: {"run_id"'):
                heard = came.get(json.loads(line[6:])["run_id"])
                if heard is not None and not heard.done():
                    heard.set_result(time.perf_counter())
    finally:
        stream.close()
