"""What this process counts of its own work, and the page that Prometheus reads.

Labels are words of this code alone: none grows with users, chats or agents. What the store
knows is not counted here; it is read when the page is (`app/stored_metrics.py`).

With several worker processes each writes its numbers to files of its own in one folder
(`prometheus_client` calls this multiprocess mode), and whichever worker is asked sums them all.
The folder is chosen before the workers start, by `folder_for`, for the library looks at
it when it is imported.
"""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Final

from prometheus_client import (
    CONTENT_TYPE_PLAIN_0_0_4,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead
from prometheus_client.registry import Collector

from app.errors import ServiceError, StoreFull, StoreUnavailable

CONTENT_TYPE: Final = CONTENT_TYPE_PLAIN_0_0_4
FOLDER: Final = "PROMETHEUS_MULTIPROC_DIR"  # the library's own name for it
STREAMS: Final = ("signals", "events")
OK: Final = "ok"
UNEXPECTED: Final = ServiceError.code()

disable_created_metrics()  # type: ignore[no-untyped-call]
_registry = CollectorRegistry()

_CALL_BOUNDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
_STORE_BOUNDS = (0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5)

_calls = Counter(
    "session_router_calls",
    "HTTP calls by verb and outcome: ok, or the code of the problem.",
    ["verb", "outcome"],
    registry=_registry,
)
_call_seconds = Histogram(
    "session_router_call_seconds",
    "Seconds from a request to the first byte of its answer; a claim's wait is in it.",
    ["verb"],
    buckets=_CALL_BOUNDS,
    registry=_registry,
)
_decisions = Counter(
    "session_router_decisions",
    "Decisions that were answered, by kind and reason.",
    ["decision", "reason"],
    registry=_registry,
)
_store_seconds = Histogram(
    "session_router_store_seconds",
    "Seconds that a call of a script took, by its verb, failed ones too.",
    ["verb"],
    buckets=_STORE_BOUNDS,
    registry=_registry,
)
_store_errors = Counter(
    "session_router_store_errors",
    "Calls of scripts that failed, by the code of the problem.",
    ["error"],
    registry=_registry,
)
for _error in (StoreUnavailable, StoreFull, ServiceError):
    _store_errors.labels(_error.code())  # a series that begins with its first error hides it
_streams = Gauge(
    "session_router_streams",
    "Open streams by what they carry.",
    ["kind"],
    multiprocess_mode="livesum",
    registry=_registry,
)
for _kind in STREAMS:
    _streams.labels(_kind)
_claims_waiting = Gauge(
    "session_router_claims_waiting",
    "Claims that wait for a run.",
    multiprocess_mode="livesum",
    registry=_registry,
)


@contextmanager
def folder_for(workers: int) -> Iterator[None]:
    """Give worker processes that are started inside a new, empty folder to count in.

    One worker counts in its memory. A service that is killed outright leaves the folder, in the
    system's temporary one; its next start takes another.
    """
    if workers == 1:
        yield
        return
    with tempfile.TemporaryDirectory(prefix="session-router-metrics-") as folder:
        os.environ[FOLDER] = folder
        try:
            yield
        finally:
            del os.environ[FOLDER]


# The library looks a series up by its labels, under a lock, each time that it is asked for one.
_calls_of = cache(_calls.labels)
_call_seconds_of = cache(_call_seconds.labels)
_decisions_of = cache(_decisions.labels)
_store_seconds_of = cache(_store_seconds.labels)


def answered(verb: str, outcome: str, seconds: float) -> None:
    """Count one HTTP call."""
    _calls_of(verb, outcome).inc()
    _call_seconds_of(verb).observe(seconds)


def decided(decision: str, reason: str) -> None:
    """Count one decision, as it is answered."""
    _decisions_of(decision, reason).inc()


def store_answered(verb: str, seconds: float) -> None:
    """Count one call of a script, a failed one too."""
    _store_seconds_of(verb).observe(seconds)


def store_failed(error: Exception) -> None:
    """Count the error of a call of a script."""
    _store_errors.labels(error.code() if isinstance(error, ServiceError) else UNEXPECTED).inc()


@contextmanager
def open_stream(kind: str) -> Iterator[None]:
    """Count a stream as long as it is open."""
    with _streams.labels(kind).track_inprogress():
        yield


@contextmanager
def waiting_claim() -> Iterator[None]:
    """Count a claim as long as it waits."""
    with _claims_waiting.track_inprogress():
        yield


def page(stored: Collector) -> bytes:
    """The page in Prometheus's text format: this service's processes, and what is `stored`."""
    folder = os.environ.get(FOLDER)
    registry = CollectorRegistry()
    if folder is None:
        registry.register(_registry)
    else:
        _forget_gauges_of_the_dead(Path(folder))
        MultiProcessCollector(registry, folder)  # type: ignore[no-untyped-call]
    registry.register(stored)
    return generate_latest(registry)


def _forget_gauges_of_the_dead(folder: Path) -> None:
    # What a dead worker has counted stays counted; what it had open is closed.
    for file in folder.glob("gauge_live*.db"):
        pid = int(file.stem.rpartition("_")[2])
        try:
            os.kill(pid, 0)
        except (ProcessLookupError, PermissionError):  # its number is nobody's, or another's
            mark_process_dead(pid, str(folder))  # type: ignore[no-untyped-call]
