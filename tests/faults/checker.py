"""The check of a history, as a test fails by it."""

from app.torture.checker import violations
from app.torture.history import Final, History


def assert_holds(history: History, final: Final, seed: int) -> None:
    """Fail with the shortest story, how many more there are, and the seed."""
    found = violations(history, final)
    if found:
        others = sorted({violation.invariant for violation in found})
        raise AssertionError(f"seed {seed}: {len(found)} violations of {others}; {found[0]}")
