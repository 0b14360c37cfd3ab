"""`make bench`: what decisions, their growth and everything around them cost, and may cost.

Everything runs on loopback and in temporary folders, in about a quarter of an hour; with
BENCH_SHORT=1 in a few minutes, on fewer rounds, sizes and samples. The figures are of this machine
at this moment: other work on it shows. All of it in the long form becomes the project's report;
parts of it, named as arguments, and the short form are only kept beside the bench.
"""

import asyncio
import os
import signal
import sys
import time
from pathlib import Path

from bench import (
    connection,
    growth,
    idle_claims,
    interrupts,
    record_sizes,
    recovery,
    report,
    scripts,
    session_lists,
    throughput,
)
from bench.figures import place_for_result, print_table, written
from bench.surroundings import surroundings

BENCHES = {
    "throughput": throughput,
    "growth": growth,
    "recovery": recovery,
    "interrupts": interrupts,
    "idle_claims": idle_claims,
    "connection": connection,
    "session_lists": session_lists,
    "scripts": scripts,
    "record_sizes": record_sizes,
}


def main() -> None:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # what was started is stopped then
    short = os.environ.get("BENCH_SHORT", "") not in ("", "0")
    names = sys.argv[1:]
    if names == ["report"]:
        report.write_page()
        return
    path = place_for_result()
    _measure(names or list(BENCHES), path, short=short)
    print(f"written to {path}")
    if not names and not short:
        report.write(path.read_text())
        print(f"and to {report.RESULT}, {report.PAGE} and {report.PICTURES}")


def _measure(names: list[str], path: Path, *, short: bool) -> None:
    """Measure one after the other; what is measured is kept, should a later one fail."""
    about, since = surroundings(), time.monotonic()
    benches = {}
    for name in names:
        print(f"measuring {name}", file=sys.stderr, flush=True)
        benches[name] = asyncio.run(BENCHES[name].measure(short=short))
        print_table(benches[name])
        about["took"] = f"{(time.monotonic() - since) / 60:.1f} minutes"
        path.write_text(written(about, benches))


if __name__ == "__main__":
    main()
