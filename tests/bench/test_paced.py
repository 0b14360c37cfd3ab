"""The load at a set pace: its requests, and that only right answers are measured."""

import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import pytest

from bench.paced import length_of, requests, run
from bench.wrk import CONNECTIONS, LoadFailed

GRANT = b'{"decision":"run","filler":"' + b"x" * 5_000 + b'"}'


@contextmanager
def answering(body: bytes, status: bytes = b"200 OK") -> Iterator[int]:
    """A port on which every request, sent whole, gets this answer, in two parts."""
    head = b"HTTP/1.1 %s\r\nContent-Length: %d\r\n\r\n" % (status, len(body))

    def serve(connection: socket.socket) -> None:
        with connection, suppress(ConnectionError):  # who asked may have gone
            while connection.recv(65_536):
                connection.sendall(head[:10])
                connection.sendall(head[10:] + body)

    with socket.create_server(("127.0.0.1", 0), backlog=CONNECTIONS) as listener:

        def accept() -> None:
            for _ in range(CONNECTIONS):
                threading.Thread(target=serve, args=listener.accept()[:1], daemon=True).start()

        accepting = threading.Thread(target=accept, daemon=True)
        accepting.start()
        yield listener.getsockname()[1]
        accepting.join()


def test_every_request_has_an_id_of_its_own_and_its_length() -> None:
    made = requests(3, "token", "1234", '{"message_id": "@", "user": "u@"}')
    bodies = []
    for one in made:
        head, _, body = one.partition(b"\r\n\r\n")
        assert length_of(head) == len(body)
        bodies.append(json.loads(body))
    assert len({body["message_id"] for body in bodies}) == 3
    assert all(body["user"] == f"u{body['message_id']}" for body in bodies)


@pytest.mark.parametrize("name", [b"Content-Length", b"content-length"])
def test_the_length_of_an_answer_is_found_however_it_is_written(name: bytes) -> None:
    assert length_of(b"HTTP/1.1 200 OK\r\nA: b\r\n" + name + b": 17\r\nC: d") == 17


def test_every_request_is_answered_once_and_measured() -> None:
    queued = requests(200, "token", "1234", '{"message_id": "@"}')
    with answering(GRANT) as port:
        found = run(port, 10_000, queued)
    assert 0 < found.p50_ms <= found.p99_ms


@pytest.mark.parametrize(
    ("body", "status"), [(GRANT, b"503 Unavailable"), (b'{"decision":"queue"}', b"200 OK")]
)
def test_an_answer_that_is_no_grant_measures_nothing(body: bytes, status: bytes) -> None:
    queued = requests(5, "token", "1234", '{"message_id": "@"}')
    with answering(body, status) as port, pytest.raises(LoadFailed):
        run(port, 10_000, queued)
