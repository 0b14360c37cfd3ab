"""`session-router serve`: the port, the embedded store and the worker processes."""

import contextlib
import ipaddress
import logging
import os
import signal
import socket
import sys
import threading
from collections.abc import Iterator
from types import FrameType

import uvicorn
from uvicorn.config import STARTUP_FAILURE
from uvicorn.supervisors import Multiprocess

from app import metrics, tracing
from app.bounded_requests import BoundedRequests
from app.logs import configuration
from app.loopback import is_loopback
from app.main import read_policy
from app.settings import PREFIX, Settings, SettingsError
from app.store.embedded import EmbeddedValkey, EmbeddedValkeyError
from app.tokens import read_tokens

APPLICATION = "app.main:create_app"
STORE_CHECK_SECONDS = 0.25
STORE_RETRY_SECONDS_MAX = 10.0
LISTEN_BACKLOG = 2048
# Longer than a client keeps an idle connection (httpx: 5 s), so that it is the client who closes.
KEEP_ALIVE_SECONDS = 75

logger = logging.getLogger(__name__)


def serve(settings: Settings) -> None:
    """Serve until told to end by SIGTERM or Ctrl-C; then end the requests, then the store.

    Raises `SettingsError` when it would serve others than this machine without tokens or the
    address cannot be had; `TokensError`, `PolicyError` and `EmbeddedValkeyError` for those parts.
    """
    guarded = _is_guarded(settings)
    read_policy(settings)
    tracing.require()
    signal.signal(signal.SIGTERM, _exit)
    counting = metrics.folder_for(settings.workers)
    with _listen(settings) as listener, _store(settings) as store, counting:
        _print_next_steps(settings, listener, store, guarded=guarded)
        _run(settings, listener)


def _is_guarded(settings: Settings) -> bool:
    guarded = settings.tokens_file is not None and bool(read_tokens(settings.tokens_file))
    if not guarded and not is_loopback(settings.host):
        raise SettingsError(
            f"{PREFIX}HOST: {settings.host} can be reached from other machines, and there are no "
            f"tokens. Make one with 'session-router token NAME --role gateway --file tokens.yaml' "
            f"and set {PREFIX}TOKENS_FILE=tokens.yaml (or --tokens), or listen on 127.0.0.1"
        )
    return guarded


def _exit(_signal: int, _frame: FrameType | None) -> None:
    sys.exit(0)


def _listen(settings: Settings) -> socket.socket:
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    try:
        return socket.create_server(
            (settings.host, settings.port), family=family, backlog=LISTEN_BACKLOG
        )
    except OSError as error:
        # An unknown name has a number of its own kind, below zero.
        known = error.errno is not None and error.errno > 0
        reason = os.strerror(error.errno or 0) if known else error.strerror
        raise SettingsError(
            f"{PREFIX}HOST, {PREFIX}PORT: {settings.host}:{settings.port}: {reason}"
        ) from error


@contextlib.contextmanager
def _store(settings: Settings) -> Iterator[str]:
    """Start the embedded store if there is no other, and keep it running; give its description.

    Workers learn its address from the environment, as they would any other's.
    """
    if settings.redis_url is not None:
        yield "the Redis of SESSION_ROUTER_REDIS_URL"
        return
    server = EmbeddedValkey(settings.data_dir, settings.appendfsync)
    stopping = threading.Event()
    keeper = threading.Thread(target=_keep_running, args=(server, stopping), daemon=True)
    try:
        server.start()
        os.environ[f"{PREFIX}REDIS_URL"] = server.url
        keeper.start()
        yield str(server.data_dir)
    finally:
        stopping.set()
        server.stop()


def _keep_running(server: EmbeddedValkey, stopping: threading.Event) -> None:
    """Start the store again whenever it has died. The thread outlives what it starts."""
    pause_seconds = STORE_CHECK_SECONDS
    while not stopping.wait(pause_seconds):
        try:
            if server.ensure_running():
                logger.error("the embedded Valkey had died; it runs again, nothing is lost")
            pause_seconds = STORE_CHECK_SECONDS
        except EmbeddedValkeyError:
            logger.exception("the embedded Valkey has died and cannot be started; trying again")
            pause_seconds = min(pause_seconds * 2, STORE_RETRY_SECONDS_MAX)


def _print_next_steps(
    settings: Settings, listener: socket.socket, store: str, *, guarded: bool
) -> None:
    host, port = listener.getsockname()[:2]
    if ipaddress.ip_address(host).is_unspecified:
        host = "127.0.0.1" if listener.family == socket.AF_INET else "::1"
    url = f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
    headers = "-H 'Content-Type: application/json'"
    if guarded:
        headers += ' -H "Authorization: Bearer $TOKEN"'
    source = '{"platform": "discord", "chat_type": "group", "chat_id": "123", "user_id": "456"}'
    body = f'{{"message_id": "1", "consumer": "me", "text": "hello", "source": {source}}}'
    print(f"Session Router: {url} ({settings.workers} worker(s), data in {store})")
    print(f"Documentation:  {url}/docs")
    print(f"Operators:      {url}/dashboard")
    print(f"A first call:   curl -s {url}/v1/messages {headers} -d '{body}'", flush=True)


def _run(settings: Settings, listener: socket.socket) -> None:
    config = uvicorn.Config(
        APPLICATION,
        factory=True,
        loop="uvloop",
        http=BoundedRequests,
        workers=settings.workers,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        log_config=configuration(settings.log_level, settings.log_format, settings.log_hash_key),
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=settings.shutdown_seconds,
    )
    if settings.workers > 1:
        supervisor = Multiprocess(config, sockets=[listener])
        supervisor.run()
        if any(worker.exitcode == STARTUP_FAILURE for worker in supervisor.processes):
            sys.exit(STARTUP_FAILURE)
        return
    server = uvicorn.Server(config)
    with contextlib.suppress(KeyboardInterrupt):
        server.run(sockets=[listener])
    if not server.started:
        sys.exit(STARTUP_FAILURE)
