"""What the store knows, as metrics: read when the page is asked for, from every router alike.

These are the same from whichever router they are read. Over several routers take the maximum,
never the sum.
"""

from collections import Counter
from collections.abc import Iterator
from typing import Final

from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector

from app import VERSION
from app.store.figures import Totals
from session_router.models import MessageCounts, SessionCounts

# The bounds of `RUN_SECONDS` in lua/session/runs.lua.
RUN_SECONDS: Final = (1, 5, 15, 60, 300, 900, 3600)
ENDS: Final = (
    "completed",
    "interrupted",
    "requeued",
    "released",
    "failed",
    "lease_expired",
    "max_run",
    "grace",
    "forced",
)
DROPS: Final = ("overflow", "expired")


class StoredMetrics(Collector):
    """The metrics of one reading; None where the store could not be read."""

    def __init__(self, totals: Totals | None) -> None:
        self._totals = totals

    def collect(self) -> Iterator[Metric]:
        """Give every metric; without the store only that it is away."""
        build = GaugeMetricFamily(
            "session_router_build_info", "The release, as a label.", labels=["version"]
        )
        build.add_metric([VERSION], 1)
        yield build
        yield GaugeMetricFamily(
            "session_router_store_up",
            "Whether the store answered this scrape.",
            value=int(self._totals is not None),
        )
        if self._totals is not None:
            yield from _of_now(self._totals)
            yield from _of_messages(self._totals.stats.messages, self._totals.tallies)
            yield from _of_runs(self._totals.tallies)


def _of_now(totals: Totals) -> Iterator[Metric]:
    stats, tallies = totals.stats, totals.tallies
    yield _sessions(stats.sessions)
    ended = sum(tallies[f"ended_{how}"] for how in ENDS)
    yield GaugeMetricFamily(
        "session_router_runs_active",
        "Runs that hold a lease, or held one that is not settled yet.",
        value=tallies["granted"] - ended,
    )
    yield GaugeMetricFamily(
        "session_router_oldest_wait_seconds",
        "How long the message has waited that waits longest.",
        value=stats.queue.oldest_wait_seconds,
    )
    yield GaugeMetricFamily(
        "session_router_overdue_seconds",
        "How long ago the first deadline passed that no sweep has settled yet.",
        value=totals.overdue_seconds,
    )


def _sessions(counts: SessionCounts) -> Metric:
    sessions = GaugeMetricFamily("session_router_sessions", "Sessions by state.", labels=["state"])
    for state, number in counts:
        sessions.add_metric([state], number)
    return sessions


def _of_messages(counts: MessageCounts, tallies: Counter[str]) -> Iterator[Metric]:
    messages = GaugeMetricFamily(
        "session_router_messages", "Messages that have not ended, by state.", labels=["state"]
    )
    for state in ("waiting", "in_run", "dead"):
        messages.add_metric([state], getattr(counts, state))
    yield messages
    yield CounterMetricFamily(
        "session_router_messages_accepted", "Messages that were accepted.", value=counts.accepted
    )
    ended = CounterMetricFamily(
        "session_router_messages_ended", "Messages that have ended, by state.", labels=["state"]
    )
    for state in ("done", "removed"):
        ended.add_metric([state], getattr(counts, state))
    yield ended
    yield CounterMetricFamily(
        "session_router_messages_redelivered",
        "Messages that a failed or lost run gave back, to be delivered again.",
        value=tallies["redelivered"],
    )
    yield CounterMetricFamily(
        "session_router_messages_died",
        "Messages that became dead letters; those that are dead letters now are a state.",
        value=tallies["died"],
    )
    dropped = CounterMetricFamily(
        "session_router_messages_dropped",
        "Messages that left a queue because it was full or they were too old.",
        labels=["reason"],
    )
    for reason in DROPS:
        dropped.add_metric([reason], tallies[f"dropped_{reason}"])
    yield dropped


def _of_runs(tallies: Counter[str]) -> Iterator[Metric]:
    yield CounterMetricFamily(
        "session_router_runs_granted", "Runs that were granted.", value=tallies["granted"]
    )
    ended = CounterMetricFamily(
        "session_router_runs_ended",
        "Runs by how they ended; lease_expired, max_run, grace and forced are lost leases.",
        labels=["how"],
    )
    for how in ENDS:
        ended.add_metric([how], tallies[f"ended_{how}"])
    yield ended
    yield HistogramMetricFamily(
        "session_router_run_seconds",
        "How long runs took, from the grant to the end, however they ended.",
        buckets=_cumulated(tallies),
        sum_value=tallies["run_ms"] / 1000,
    )


def _cumulated(tallies: Counter[str]) -> list[tuple[str, float]]:
    buckets, number = [], 0
    for bound in RUN_SECONDS:
        number += tallies[f"run_within_{bound}"]
        buckets.append((f"{bound:.1f}", float(number)))
    return [*buckets, ("+Inf", float(number + tallies["run_within_longer"]))]
