"""The Valkey that the service brings along, and everything that may be killed around it."""

import os
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import metadata
from pathlib import Path
from typing import NamedTuple

import pytest
from redis import Redis

from app.store import allocator, embedded, folder_locks
from app.store.embedded import DataDirBusy, EmbeddedValkey, EmbeddedValkeyError
from tests.processes import is_gone, wait_until

PROJECT = Path(__file__).resolve().parents[2]
linux_only = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")

# A service in miniature. Without `bound`, its Valkey outlives it, as it would elsewhere than on
# Linux.
OWNER = """
import sys
from pathlib import Path
from app.store import embedded
if sys.argv[2] != "bound":
    embedded._LAUNCHER = embedded._LAUNCHER.replace('"linux"', '"nothing"')
server = embedded.EmbeddedValkey(Path(sys.argv[1]))
server.start()
print(server.pid, flush=True)
sys.stdin.read()
"""


class Owner(NamedTuple):
    """A process that runs an embedded server, and that server's process id."""

    process: subprocess.Popen[str]
    server_pid: int


@contextmanager
def owner_of(data_dir: Path, kind: str = "bound") -> Iterator[Owner]:
    with subprocess.Popen(
        [sys.executable, "-c", OWNER, str(data_dir), kind],
        cwd=PROJECT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        try:
            yield Owner(process, int(process.stdout.readline()))
        finally:
            process.kill()


def write(server: EmbeddedValkey, value: str) -> None:
    with Redis.from_url(server.url) as redis:
        redis.set("kept", value)


def read(server: EmbeddedValkey) -> bytes | None:
    with Redis.from_url(server.url) as redis:
        value = redis.get("kept")
    assert value is None or isinstance(value, bytes)
    return value


def mapped_into(server: EmbeddedValkey) -> str:
    return Path(f"/proc/{server.pid}/maps").read_text()


@linux_only
def test_it_uses_the_allocator_that_is_installed(
    data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("LD_PRELOAD", raising=False)
    with EmbeddedValkey(data_dir) as server:
        assert allocator.LIBRARY in mapped_into(server)


@linux_only
def test_it_uses_the_allocator_that_its_environment_names(
    data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LD_PRELOAD", "")
    with EmbeddedValkey(data_dir) as server:
        assert allocator.LIBRARY not in mapped_into(server)


@linux_only
@pytest.mark.parametrize("missing", ["package", "file", "plain path"])
def test_it_does_without_the_allocator_where_there_is_none(
    data_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, missing: str
) -> None:
    def files_of(package: str) -> list[metadata.PackagePath]:
        if missing == "package":
            raise metadata.PackageNotFoundError(package)
        folder = tmp_path / "with a space"
        folder.mkdir(exist_ok=True)
        if missing == "plain path":
            (folder / allocator.LIBRARY).touch()
        file = metadata.PackagePath(allocator.LIBRARY)
        file.dist = metadata.PathDistribution(folder / "package.dist-info")
        return [file]

    monkeypatch.delenv("LD_PRELOAD", raising=False)
    monkeypatch.setattr(metadata, "files", files_of)
    assert allocator.preloaded() == {}
    with EmbeddedValkey(data_dir) as server:
        assert allocator.LIBRARY not in mapped_into(server)
        write(server, "1")


def test_it_starts_ends_and_finds_its_data_again(data_dir: Path) -> None:
    server = EmbeddedValkey(data_dir)
    server.start()
    write(server, "1")
    server.stop()
    assert server.pid is None
    with EmbeddedValkey(data_dir) as again:
        assert read(again) == b"1"
        assert again.poll() is None


def test_the_same_object_can_be_started_again(data_dir: Path) -> None:
    server = EmbeddedValkey(data_dir)
    for _ in range(2):
        with server:
            write(server, "1")
        server.stop()


def test_it_is_durable_and_never_drops_keys(data_dir: Path) -> None:
    with EmbeddedValkey(data_dir) as server, Redis.from_url(server.url) as redis:
        assert redis.config_get("appendonly", "appendfsync", "maxmemory-policy", "save") == {
            "appendonly": "yes",
            "appendfsync": "always",
            "maxmemory-policy": "noeviction",
            "save": "",
        }


def test_only_this_user_may_open_it(data_dir: Path) -> None:
    with EmbeddedValkey(data_dir) as server:
        write(server, "1")
        for path in (data_dir, *data_dir.rglob("*")):
            assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0, path


@linux_only
def test_it_listens_on_no_port(data_dir: Path) -> None:
    with EmbeddedValkey(data_dir) as server, Redis.from_url(server.url) as redis:
        redis.ping()
        descriptors = Path(f"/proc/{server.pid}/fd")
        inodes = {str(link.readlink())[8:-1] for link in descriptors.iterdir()}
        tables = [Path(f"/proc/net/{name}") for name in ("tcp", "tcp6")]
        rows = [row.split() for table in tables for row in table.read_text().splitlines()[1:]]
        assert not inodes & {row[9] for row in rows}


def test_a_relative_folder_is_where_the_service_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    server = EmbeddedValkey(Path("data"))
    monkeypatch.chdir("/")
    with server:
        assert (tmp_path / "data" / "appendonlydir").is_dir()


@pytest.mark.parametrize("name", ["with space", "größe-😀", 'a"b', "50%?x#y"])
def test_a_folder_may_have_any_name(tmp_path: Path, name: str) -> None:
    for _ in range(2):
        with EmbeddedValkey(tmp_path / name) as server:
            value = read(server)
            write(server, "1")
    assert value == b"1"


def test_a_long_folder_has_its_socket_in_a_short_private_one(tmp_path: Path) -> None:
    data_dir = tmp_path / ("d" * 120)
    with EmbeddedValkey(data_dir) as server:
        write(server, "1")
        short = Path((data_dir / "socket-dir").read_text())
        assert stat.S_IMODE(short.stat().st_mode) == 0o700
        assert len(server.url) < 107
    assert not short.exists()
    with EmbeddedValkey(data_dir) as again:
        assert read(again) == b"1"


def test_a_short_folder_that_a_crash_left_is_removed(tmp_path: Path) -> None:
    data_dir = tmp_path / ("d" * 120)
    with owner_of(data_dir) as owner:
        left = Path((data_dir / "socket-dir").read_text())
        owner.process.kill()
    with EmbeddedValkey(data_dir):
        assert not left.exists()


def test_a_second_service_on_the_folder_is_refused_with_the_process_that_has_it(
    data_dir: Path,
) -> None:
    with owner_of(data_dir) as owner:
        with pytest.raises(DataDirBusy) as caught:
            EmbeddedValkey(data_dir).start()
        assert str(data_dir) in str(caught.value)
        assert f"process {owner.process.pid}" in str(caught.value)
        assert not is_gone(owner.server_pid)


def test_a_server_is_started_once(data_dir: Path) -> None:
    with EmbeddedValkey(data_dir) as server:
        with pytest.raises(EmbeddedValkeyError, match="started already"):
            server.start()
        write(server, "1")


def test_a_folder_that_cannot_be_one_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(EmbeddedValkeyError, match="file cannot be used"):
        EmbeddedValkey(tmp_path / "file").start()


def test_what_keeps_it_from_starting_is_told_with_the_end_of_its_log(data_dir: Path) -> None:
    server = EmbeddedValkey(data_dir, extra_args=("--no-such-option", "1"))
    with pytest.raises(EmbeddedValkeyError, match="no-such-option"):
        server.start()
    with EmbeddedValkey(data_dir) as healthy:
        write(healthy, "1")


@linux_only
def test_kill_minus_nine_of_its_owner_ends_it(data_dir: Path) -> None:
    with owner_of(data_dir) as owner:
        owner.process.kill()
        wait_until(lambda: is_gone(owner.server_pid))


@pytest.mark.parametrize("kind", ["bound", "outliving"])
def test_the_next_start_after_kill_minus_nine_works_at_once_with_all_data(
    data_dir: Path, kind: str
) -> None:
    for life in range(3):
        with owner_of(data_dir, kind) as owner:
            probe = EmbeddedValkey(data_dir)
            assert read(probe) == (str(life - 1).encode() if life else None)
            write(probe, str(life))
            owner.process.kill()
            owner.process.wait()
            assert kind == "bound" or not is_gone(owner.server_pid)
    with EmbeddedValkey(data_dir) as server:
        assert is_gone(owner.server_pid)
        assert read(server) == b"2"


def test_an_orphan_that_hangs_is_killed(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(folder_locks, "END_SECONDS", 0.3)
    with owner_of(data_dir) as owner:
        write(EmbeddedValkey(data_dir), "1")
        os.kill(owner.server_pid, signal.SIGSTOP)
        owner.process.kill()
        owner.process.wait()
        with EmbeddedValkey(data_dir) as server:
            assert is_gone(owner.server_pid)
            assert read(server) == b"1"


def test_a_server_that_hangs_is_killed_at_the_end(
    data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(embedded, "END_SECONDS", 0.3)
    server = EmbeddedValkey(data_dir)
    server.start()
    pid = server.pid
    assert pid is not None
    os.kill(pid, signal.SIGSTOP)
    server.stop()
    assert is_gone(pid)


def test_a_server_that_died_is_started_again_with_its_data_under_the_same_address(
    data_dir: Path,
) -> None:
    with EmbeddedValkey(data_dir) as server:
        assert not server.ensure_running()
        write(server, "1")
        url, pid = server.url, server.pid
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        wait_until(lambda: server.poll() is not None)
        assert server.poll() == -signal.SIGKILL
        assert server.ensure_running()
        assert server.pid not in (None, pid)
        assert server.url == url
        assert read(server) == b"1"


def test_nothing_is_started_again_before_the_start_and_after_the_end(data_dir: Path) -> None:
    server = EmbeddedValkey(data_dir)
    assert not server.ensure_running()
    with server:
        pass
    assert not server.ensure_running()
    assert server.pid is None


def test_a_process_id_of_an_earlier_life_is_not_trusted(data_dir: Path) -> None:
    with subprocess.Popen(["sleep", "60"]) as stranger:
        try:
            data_dir.mkdir()
            (data_dir / "server.lock").write_text(f"{stranger.pid}\n")
            (data_dir / "lock").write_text(f"{stranger.pid}\n")
            with EmbeddedValkey(data_dir) as server:
                write(server, "1")
            assert stranger.poll() is None
        finally:
            stranger.kill()
