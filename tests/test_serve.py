"""`serve` as a process: what it says, and what is left when it ends in any way.

The app is a stand-in of a few lines, so that these tests are about the process alone.
"""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from app.lifeline import ends_with_parent
from app.tokens import TokenEntry, add_token, hash_token
from tests.processes import environment, is_gone, wait_until

STAND_IN = """
import json, os
from redis.asyncio import Redis
from app.lifeline import ends_with_parent

def create_app():
    async def app(scope, receive, send):
        if scope["type"] == "lifespan":
            await receive()
            if "FAIL_TO_START" in os.environ:
                return await send({"type": "lifespan.startup.failed", "message": "as told"})
            with ends_with_parent():
                await send({"type": "lifespan.startup.complete"})
                await receive()
            await send({"type": "lifespan.shutdown.complete"})
            return
        async with Redis.from_url(os.environ["SESSION_ROUTER_REDIS_URL"]) as redis:
            count = await redis.incr("count")
            store = (await redis.info("server"))["process_id"]
        body = json.dumps({"worker": os.getpid(), "count": count, "store": store}).encode()
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": body})
    return app
"""

PROGRAM = """
import sys
import app.serve
app.serve.APPLICATION = "stand_in:create_app"
if __name__ == "__main__":
    from app.__main__ import main
    sys.exit(main(["serve", *sys.argv[1:]]))
"""


class Service:
    """A running service: its process, its address, and its answers."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        assert process.stdout is not None
        self.greeting = [process.stdout.readline() for _ in range(4)]
        found = re.search(r"http://\S+", self.greeting[0])
        assert found, self.greeting
        self.url = found[0]
        self.port = int(self.url.rpartition(":")[2])

    def ask(self) -> dict[str, int]:
        with urllib.request.urlopen(self.url, timeout=5) as answer:
            state: dict[str, int] = json.load(answer)
            return state

    def answers(self) -> bool:
        try:
            self.ask()
        except OSError:
            return False
        return True


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "stand_in.py").write_text(STAND_IN)
    (tmp_path / "program.py").write_text(PROGRAM)
    return tmp_path


def popen(folder: Path, *arguments: str, **variables: str) -> subprocess.Popen[str]:
    # A pipe that nobody reads would stop the service as soon as it is full of its log.
    with (folder / "errors").open("w") as errors:
        return subprocess.Popen(
            [sys.executable, str(folder / "program.py"), *arguments],
            cwd=folder,
            env=environment(**variables),
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
        )


@contextmanager
def service(folder: Path, *arguments: str) -> Iterator[Service]:
    with popen(folder, "--port", "0", *arguments) as process:
        try:
            running = Service(process)
            wait_until(running.answers)
            yield running
        finally:
            process.kill()


def refusal(folder: Path, *arguments: str, **variables: str) -> str:
    with popen(folder, *arguments, **variables) as process:
        output, _ = process.communicate(timeout=20)
    errors = (folder / "errors").read_text()
    assert process.returncode == 2, errors
    assert output == ""
    assert "Traceback" not in errors
    return errors


def is_free(port: int) -> bool:
    try:
        socket.create_server(("127.0.0.1", port)).close()
    except OSError:
        return False
    return True


def test_it_says_where_it_is_and_what_to_do_next(folder: Path) -> None:
    with service(folder) as running:
        address, documentation, operators, call = running.greeting
        assert str(folder / "session-router-data") in address
        assert f"{running.url}/docs" in documentation
        assert f"{running.url}/dashboard" in operators
        assert f"curl -s {running.url}/v1/messages" in call
        body = re.search(r"-d '(.*)'", call)
        assert body
        assert json.loads(body[1])["source"]["chat_type"] == "group"


@pytest.mark.parametrize("end", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("workers", ["1", "2"])
def test_it_ends_when_told_with_its_store_and_finds_its_data_again(
    folder: Path, end: signal.Signals, workers: str
) -> None:
    with service(folder, "--workers", workers) as running:
        before = running.ask()
        running.process.send_signal(end)
        assert running.process.wait(15) == 0
        assert is_gone(before["store"])
        assert is_gone(before["worker"])
    with service(folder) as again:
        assert again.ask()["count"] > before["count"]


@pytest.mark.parametrize("workers", ["1", "2"])
def test_kill_minus_nine_frees_the_port_and_the_folder_at_once(folder: Path, workers: str) -> None:
    with service(folder, "--workers", workers) as running:
        before = running.ask()
        running.process.kill()
        running.process.wait()
        wait_until(lambda: is_free(running.port), 3.0)
        wait_until(lambda: is_gone(before["worker"]), 3.0)
    with service(folder, "--port", str(running.port), "--workers", workers) as again:
        assert again.ask()["count"] > before["count"]


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_store_that_died_is_back_with_its_data(folder: Path, workers: str) -> None:
    with service(folder, "--workers", workers) as running:
        before = running.ask()
        os.kill(before["store"], signal.SIGKILL)
        wait_until(running.answers)
        after = running.ask()
        assert after["store"] != before["store"]
        assert after["count"] > before["count"]


def test_workers_share_one_store(folder: Path) -> None:
    with service(folder, "--workers", "2") as running:
        seen: dict[int, int] = {}
        wait_until(lambda: len(_gather(running, seen)) == 2)
        assert len(set(seen.values())) == 1


def _gather(running: Service, seen: dict[int, int]) -> dict[int, int]:
    state = running.ask()
    seen[state["worker"]] = state["store"]
    return seen


def test_two_services_never_share_a_folder(folder: Path) -> None:
    with service(folder) as running:
        message = refusal(folder, "--port", "0")
        assert f"process {running.process.pid}" in message
        assert running.answers()


def test_a_taken_port_is_one_clear_line(folder: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        message = refusal(folder, "--port", str(port))
    assert message == (
        f"session-router: SESSION_ROUTER_HOST, SESSION_ROUTER_PORT: 127.0.0.1:{port}: "
        "Address already in use\n"
    )


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "router.example"])
def test_without_tokens_it_serves_this_machine_alone(folder: Path, host: str) -> None:
    message = refusal(folder, "--host", host)
    assert message.count("\n") == 1
    assert "session-router token" in message


def test_a_tokens_file_without_tokens_is_none(folder: Path) -> None:
    (folder / "tokens.yaml").write_text("tokens: []\n")
    assert "session-router token" in refusal(folder, "--host", "0.0.0.0", "--tokens", "tokens.yaml")


def test_with_tokens_it_serves_others_too(folder: Path) -> None:
    entry = TokenEntry(name="gw", role="gateway", sha256=hash_token("srt_x"))
    add_token(folder / "tokens.yaml", entry)
    with service(folder, "--host", "0.0.0.0", "--tokens", "tokens.yaml") as running:
        assert "Authorization: Bearer" in running.greeting[3]


def test_a_bad_setting_is_one_clear_line(folder: Path) -> None:
    message = refusal(folder, SESSION_ROUTER_WORKERS="many")
    assert message.startswith("session-router: SESSION_ROUTER_WORKERS: must be a valid integer")


async def test_a_process_that_is_no_worker_has_nothing_to_watch() -> None:
    with ends_with_parent():
        pass


@pytest.mark.parametrize("workers", ["1", "2"])
def test_an_app_that_cannot_start_ends_the_service_with_a_failure(
    folder: Path, workers: str
) -> None:
    arguments = ["--port", "0", "--workers", workers]
    with popen(folder, *arguments, FAIL_TO_START="yes") as process:
        assert process.wait(20) == 3
    assert "as told" in (folder / "errors").read_text()


def test_every_flag_may_be_a_variable(folder: Path) -> None:
    settings = {"SESSION_ROUTER_PORT": "0", "SESSION_ROUTER_DATA_DIR": "elsewhere"}
    with popen(folder, **settings) as process:
        try:
            running = Service(process)
            wait_until(running.answers)
            assert str(folder / "elsewhere") in running.greeting[0]
        finally:
            process.kill()
