"""Routers as processes, ended and killed, and clients on plain sockets that hang on them."""

import json
import os
import signal
import socket
import subprocess
import time
from typing import Any

from tests.faults.services import Service

PATIENCE_SECONDS = 10.0


class Hanging:
    """A client on a socket of its own. `read_until` and `read_end` give what came so far."""

    def __init__(self, port: int, text: str) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), PATIENCE_SECONDS)
        self._socket.sendall(text.encode())
        self.got = b""

    def send(self, text: str) -> None:
        self._socket.sendall(text.encode())

    def read_until(self, text: bytes) -> bytes:
        while text not in self.got:
            piece = self._socket.recv(65536)
            assert piece, self.got
            self.got += piece
        return self.got

    def read_end(self) -> bytes:
        """Read until the server closes or resets the connection."""
        try:
            while piece := self._socket.recv(65536):
                self.got += piece
        except ConnectionResetError:
            pass
        return self.got

    def close(self) -> None:
        self._socket.close()


def stream(port: int, consumer: str = "gw-1") -> Hanging:
    """Open a signal stream, and return when it is open."""
    return _opened(port, f"/v1/signals?consumer={consumer}")


def feed(port: int) -> Hanging:
    """Open the live feed, and return when it is open."""
    return _opened(port, "/v1/events")


def _opened(port: int, path: str) -> Hanging:
    client = Hanging(port, f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
    client.read_until(b"retry: ")
    return client


def request(body: dict[str, Any], path: str = "/v1/runs/claim", said: int | None = None) -> str:
    """A POST, of whose body the last bytes are still to come if `said` is larger."""
    text = json.dumps(body)
    length = len(text) if said is None else said
    return f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: {length}\r\n\r\n{text}"


def waiting_claim(port: int, consumer: str = "worker") -> Hanging:
    return Hanging(port, request({"consumer": consumer, "wait_seconds": 30}))


def half_read(port: int) -> Hanging:
    """A message whose end never comes."""
    return Hanging(port, request({"message_id": "half"}, "/v1/messages", said=500))


def half_a_head(port: int) -> Hanging:
    return Hanging(port, "POST /v1/messages HTTP/1.1\r\nHos")


def end(service: Service, seconds: float = PATIENCE_SECONDS) -> float:
    """SIGTERM; the seconds until the process is gone."""
    process = _process(service)
    since = time.monotonic()
    process.send_signal(signal.SIGTERM)
    process.wait(seconds)
    return time.monotonic() - since


def _process(service: Service) -> "subprocess.Popen[str]":
    process = service._process
    assert process is not None
    return process


def kill_hard(pid: int) -> None:
    os.kill(pid, signal.SIGKILL)
