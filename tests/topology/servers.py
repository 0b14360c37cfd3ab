"""Servers as processes on loopback ports: killed, started anew, stood still."""

import signal
import socket
import subprocess
from collections.abc import Sequence
from itertools import islice
from pathlib import Path
from random import sample
from types import TracebackType
from typing import Any, Self

from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

from tests import store_server
from tests.processes import wait_until

PASSWORD = "se/cr@t"
START_SECONDS = 20.0
LAG_MAX_SECONDS = 3
# A primary that no replica has heard of for so long takes nothing more.
KEEPS_A_REPLICA = (
    *("--min-replicas-to-write", "1"),
    *("--min-replicas-max-lag", str(LAG_MAX_SECONDS)),
)
# A replica says how far it is once a second, and the primary looks once a second.
LOSS_WINDOW_SECONDS = LAG_MAX_SECONDS + 2
FILLING_MIB = 24


def free_ports(count: int) -> list[int]:
    """Give different ports that nobody listens on.

    No connection takes one of them either while its server is dead: systems choose ports for
    those from 32768 on.
    """
    chosen = sample(range(20_000, 32_000), 12_000)
    return list(islice(filter(_is_free, chosen), count))


def _is_free(port: int) -> bool:
    with socket.socket() as one:
        try:
            one.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


class Server:
    """A server in a folder of its own; `first` is put before its options, a file or a mode."""

    def __init__(self, folder: Path, port: int, *options: str, first: Sequence[str] = ()) -> None:
        folder.mkdir()
        self.port = port
        self._folder = folder
        self._command = [str(store_server.binary()), *first, "--port", str(port)]
        self._command += ["--bind", "127.0.0.1", "--dir", str(folder), *options]
        self._process: subprocess.Popen[bytes] | None = None
        self.redis: Any = Redis(
            port=port,
            password=PASSWORD,
            socket_timeout=2,
            retry=Retry(NoBackoff(), 1),  # an idle connection may have died with the last process
            decode_responses=True,
        )

    def __enter__(self) -> Self:
        self.launch()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.kill()
        self.redis.close()

    @property
    def is_dead(self) -> bool:
        return self._process is None

    @property
    def log(self) -> str:
        return (self._folder / "log").read_text()

    def launch(self) -> None:
        """Start the process; `await_answer` waits for it."""
        with (self._folder / "log").open("a") as log:
            self._process = subprocess.Popen(self._command, stdout=log, stderr=log)

    def await_answer(self) -> None:
        """Return when it answers."""
        wait_until(self._answers, START_SECONDS)

    def _answers(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, self.log
        try:
            return bool(self.redis.ping())
        except RedisError:
            return False

    def kill(self) -> None:
        """`kill -9`; return when it is gone."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None
            self.redis.connection_pool.disconnect()

    def stand_still(self) -> None:
        """SIGSTOP, until `go_on`."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def go_on(self) -> None:
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    def fill_the_sockets_of_its_replicas(self, key: str) -> None:
        """Write more than a kernel takes for replicas that stand still.

        What it has taken reaches them when they go on; the rest is in the primary's own memory, as
        if the network were cut. `key` is any that this server may write, and has no value.
        """
        for _ in range(FILLING_MIB):
            self.redis.set(key, "x" * 2**20)
        self.redis.delete(key)

    def refuses_to_write(self, key: str) -> bool:
        """Tell whether it takes nothing more, for no replica has it."""
        try:
            self.redis.set(key, 1)
        except RedisError as error:
            return "NOREPLICAS" in str(error)
        return False

    def role(self) -> str:
        """`master`, `slave`, or nothing while it does not answer."""
        try:
            return str(self.redis.execute_command("ROLE")[0])
        except RedisError:
            return ""
