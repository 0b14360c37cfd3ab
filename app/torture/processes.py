"""The processes of gateways and workers: started, replaced when somebody kills one, ended."""

import asyncio
import sys
from collections.abc import Callable
from contextlib import suppress

from app.torture.crew import Orders
from app.torture.senders import Stuck

END_SECONDS = 10.0


class Processes:
    """So many processes at a time; `orders` makes those of one by its name."""

    def __init__(self, orders: Callable[[str], Orders]) -> None:
        self._orders = orders
        self._running: list[asyncio.subprocess.Process] = []
        self._names = 0
        self._is_quiet = False
        self.lost = 0

    async def start(self, count: int) -> None:
        for _ in range(count):
            await self._start_one()

    async def quiet(self) -> None:
        """Let nothing more be sent."""
        self._is_quiet = True
        for process in self._running:
            await _tell(process, b"quiet\n")

    async def replace_dead(self) -> None:
        """Start another for each that was killed; raises `Stuck` with what one gave up for."""
        for process in [one for one in self._running if one.returncode is not None]:
            self._running.remove(process)
            if process.returncode is None or process.returncode >= 0:
                said = b"" if process.stderr is None else await process.stderr.read()
                raise Stuck(f"a gateway gave up: {said.decode().strip()}")
            self.lost += 1
            await self._start_one()

    async def _start_one(self) -> None:
        self._names += 1
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "app.torture.crew"),
            stdin=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        self._running.append(process)
        await _tell(process, self._orders(f"p{self._names}").line())
        if self._is_quiet:
            await _tell(process, b"quiet\n")

    async def end(self) -> None:
        """End them all; none is left."""
        for process in self._running:
            if process.stdin is not None:
                process.stdin.close()
        for process in self._running:
            with suppress(TimeoutError):
                await asyncio.wait_for(process.wait(), END_SECONDS)
            if process.returncode is None:
                process.kill()
                await process.wait()


async def _tell(process: asyncio.subprocess.Process, line: bytes) -> None:
    with suppress(ConnectionError):  # it was killed, and will be replaced
        if process.stdin is not None:
            process.stdin.write(line)
            await process.stdin.drain()
