"""`make bench`: what decisions, their growth and everything around them cost, and may cost.

Everything runs on loopback and in temporary folders, in about a quarter of an hour; with
BENCH_SHORT=1 in a few minutes, on fewer rounds, sizes and samples. The figures are of this machine
at this moment: other work on it shows. All of it in the long form becomes the project's report;
parts of it, named as arguments, and the short form are only kept beside the bench.
"""

import asyncio
import os
import sys
import time

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
from bench.figures import keep, print_table, written
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
    short = os.environ.get("BENCH_SHORT", "") not in ("", "0")
    names = sys.argv[1:]
    if names == ["report"]:
        report.write_page()
        return
    result = _measured(names or list(BENCHES), short=short)
    print(f"written to {keep(result)}")
    if not names and not short:
        report.write(result)
        print(f"and to {report.RESULT}, {report.PAGE} and {report.PICTURES}")


def _measured(names: list[str], *, short: bool) -> str:
    about, since = surroundings(), time.monotonic()
    benches = {}
    for name in names:
        print(f"measuring {name}", file=sys.stderr, flush=True)
        benches[name] = asyncio.run(BENCHES[name].measure(short=short))
        print_table(benches[name])
    about["took"] = f"{(time.monotonic() - since) / 60:.1f} minutes"
    return written(about, benches)


if __name__ == "__main__":
    main()
