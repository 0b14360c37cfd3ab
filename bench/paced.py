"""Load at a set pace: so many requests a second, whether they are answered or not.

wrk sends when it is answered, so a service that stalls is asked less, and what a caller would have
waited is not seen. Here each request has its moment, set before the start, and its latency runs
from that moment, whenever it could be sent. One thread, `select`, 64 kept connections; every
request is made before the first is sent. It runs as a process of its own:

    python -m bench.paced PORT PER_SECOND SECONDS TOKEN STAMP BODY
"""

import json
import select
import socket
import subprocess
import sys
import time
from collections import deque
from collections.abc import Iterable, Sequence
from contextlib import ExitStack, closing
from dataclasses import asdict, dataclass

from bench.figures import quantile
from bench.wrk import CONNECTIONS, LoadFailed

ANSWER_SECONDS_MAX = 20.0
RUN = b'"decision":"run"'


@dataclass(frozen=True)
class Pace:
    """Latencies from the moment that was meant, and how late the load itself sent.

    `late` is counted only for requests that found a free connection at their moment: the
    generator's own fault. `processor_us` is what it used for a request.
    """

    p50_ms: float
    p99_ms: float
    late_p50_ms: float
    late_p99_ms: float
    processor_us: float


class _Connection:
    """A kept connection with at most one request in flight."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._read = b""
        self.meant = 0.0
        self.free_since = 0.0

    def close(self) -> None:
        self.socket.close()

    def fileno(self) -> int:
        return self.socket.fileno()

    def is_answered(self) -> bool:
        """Read what is there; true at the end of an answer, which is checked."""
        more = self.socket.recv(65_536)
        if not more:
            raise LoadFailed("a connection was closed")
        self._read += more
        head, gap, body = self._read.partition(b"\r\n\r\n")
        if not gap or len(body) < length_of(head):
            return False
        if not head.startswith(b"HTTP/1.1 200 ") or RUN not in body:
            raise LoadFailed(self._read.decode())
        self._read = b""
        return True


class _Sending:
    """The requests, each at its moment, and what became of them."""

    def __init__(
        self, connections: Iterable[_Connection], per_second: float, queued: Sequence[bytes]
    ) -> None:
        self._free = deque(connections)
        self._busy: set[_Connection] = set()
        self._queued = queued
        self._interval = 1 / per_second
        self._sent = 0
        self._start = time.perf_counter() + 0.05
        self.waits_ms: list[float] = []
        self.late_ms: list[float] = []

    def send_all(self) -> None:
        while self._sent < len(self._queued) or self._busy:
            pause = ANSWER_SECONDS_MAX
            if self._sent < len(self._queued) and self._free:
                pause = self._start + self._sent * self._interval - time.perf_counter()
                if pause <= 0:
                    self._send()
                    continue
            self._hear(pause)

    def _send(self) -> None:
        connection = self._free.popleft()
        connection.meant = self._start + self._sent * self._interval
        connection.socket.sendall(self._queued[self._sent])
        if connection.free_since <= connection.meant:
            self.late_ms.append((time.perf_counter() - connection.meant) * 1000)
        self._busy.add(connection)
        self._sent += 1

    def _hear(self, pause: float) -> None:
        readable, _, _ = select.select(self._busy, (), (), pause)
        if not readable and pause == ANSWER_SECONDS_MAX:
            raise LoadFailed(f"no answer within {ANSWER_SECONDS_MAX:g} seconds")
        for connection in readable:
            if connection.is_answered():
                connection.free_since = time.perf_counter()
                self.waits_ms.append((connection.free_since - connection.meant) * 1000)
                self._busy.remove(connection)
                self._free.append(connection)


def length_of(head: bytes) -> int:
    """The value of Content-Length."""
    return int(head.lower().partition(b"\r\ncontent-length:")[2].partition(b"\r\n")[0])


def requests(count: int, token: str, stamp: str, body: str) -> list[bytes]:
    """Requests with ids that no other stamp has."""
    head = (
        "POST /v1/messages HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
        f"Authorization: Bearer {token}\r\nContent-Length: "
    )
    bodies = (body.replace("@", f"{stamp}00{number:08}").encode() for number in range(count))
    return [f"{head}{len(text)}\r\n\r\n".encode() + text for text in bodies]


def run(port: int, per_second: float, queued: Sequence[bytes]) -> Pace:
    """Send them at their moments; raises `LoadFailed` unless every answer is a grant."""
    with ExitStack() as stack:
        connections = [stack.enter_context(closing(_Connection(port))) for _ in range(CONNECTIONS)]
        sending = _Sending(connections, per_second, queued)
        used = time.process_time()
        sending.send_all()
        used = time.process_time() - used
    # Where the service is slower than the pace, no request may have found a free connection.
    late_ms = sending.late_ms or [0.0]
    return Pace(
        p50_ms=quantile(sending.waits_ms, 0.5),
        p99_ms=quantile(sending.waits_ms, 0.99),
        late_p50_ms=quantile(late_ms, 0.5),
        late_p99_ms=quantile(late_ms, 0.99),
        processor_us=used / len(queued) * 1e6,
    )


def pace(port: int, per_second: float, seconds: float, *words: str) -> Pace:
    """Do it in a process of its own; `words` are the token, the stamp and the body."""
    done = subprocess.run(  # noqa: S603
        [sys.executable, "-m", "bench.paced", str(port), str(per_second), str(seconds), *words],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise LoadFailed(done.stderr)
    return Pace(**json.loads(done.stdout))


def main() -> None:
    port, per_second, seconds = int(sys.argv[1]), float(sys.argv[2]), float(sys.argv[3])
    queued = requests(round(per_second * seconds), *sys.argv[4:])
    print(json.dumps(asdict(run(port, per_second, queued))))


if __name__ == "__main__":
    main()
