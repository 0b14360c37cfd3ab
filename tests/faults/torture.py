"""`make torture`: a deployment of our own under `session-router torture` and every fault at once.

python -m tests.faults.torture --seconds 600 --seed 1
"""

import argparse
import re
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from tests.faults.havoc import Havoc
from tests.faults.small_disk import NO_DISK
from tests.faults.stand import Flush, stand
from tests.processes import environment

JUDGED_SECONDS = 300.0
KEPT_ERRORS = 5


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a torture ended: its exit code, what it said, and what was done to it and felt."""

    code: int
    said: str
    faults: Counter[str]
    has_disk: bool
    errors: list[str]

    def figure(self, name: str) -> int:
        """A figure of the report: the number that follows its name."""
        found = re.search(rf"{name}\D*(\d+)", self.said)
        assert found, self.said
        return int(found[1])


def torture(
    folder: Path, seconds: float, seed: int, *options: str, appendfsync: Flush = "always"
) -> Outcome:
    """Torture for so long, then let it come to rest and be judged."""
    with stand(folder, seed, appendfsync) as deployment:
        command = (sys.executable, "-m", "app", "torture", *deployment.urls)
        record = ("--record", str(folder / "record"))
        arguments = ("--seconds", str(seconds), "--seed", str(seed), *record, *options)
        with subprocess.Popen(
            (*command, *arguments),
            env=environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        ) as process:
            havoc = Havoc(deployment, process, seed)
            try:
                havoc.wreak(seconds)
                said, _ = process.communicate(timeout=JUDGED_SECONDS)
            finally:
                process.kill()
        errors = [error for router in deployment.routers for error in router.errors]
        return Outcome(process.returncode, said, havoc.done, bool(deployment.disk), errors)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--seconds", type=float, default=600.0)
    parser.add_argument("--seed", type=int, default=20261122)
    parser.add_argument("--rate", default="20")
    parser.add_argument("--appendfsync", choices=("always", "everysec"), default="always")
    arguments = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="session-router-torture-"))
    outcome = torture(
        *(folder, arguments.seconds, arguments.seed, "--rate", arguments.rate),
        appendfsync=arguments.appendfsync,
    )
    print(outcome.said)
    print(", ".join(f"{name}: {count}" for name, count in sorted(outcome.faults.items())))
    if not outcome.has_disk:
        print(NO_DISK)
    print("\n".join(outcome.errors[:KEPT_ERRORS]))
    code = outcome.code or int(bool(outcome.errors))
    if code:
        print(f"the record and the routers' logs are in {folder}")
    else:
        shutil.rmtree(folder)
    return code


if __name__ == "__main__":
    sys.exit(main())
