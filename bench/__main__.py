"""`make bench`: what sweep, signals, claims, lists, scripts and records cost, and may cost.

Everything runs on loopback and in a temporary folder, in about three minutes; with BENCH_SHORT=1
in one, on fewer leases and samples. The figures are of this machine at this
moment: other work on it shows.
"""

import asyncio
import os
import sys

from bench import (
    connection,
    growth,
    idle_claims,
    interrupts,
    record_sizes,
    recovery,
    scripts,
    session_lists,
    throughput,
)
from bench.figures import keep, print_table, written

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
    short = os.environ.get("BENCH_SHORT", "") not in ("", "0")
    wanted = sys.argv[1:] or list(BENCHES)
    benches = {}
    for name in wanted:
        print(f"measuring {name}", file=sys.stderr, flush=True)
        benches[name] = asyncio.run(BENCHES[name].measure(short=short))
        print_table(benches[name])
    print(keep(written({}, benches)))


if __name__ == "__main__":
    main()
