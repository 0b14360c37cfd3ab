"""What is wrong with a policy, all of it at once."""

from collections.abc import Iterable
from typing import NamedTuple


class Fault(NamedTuple):
    """One fault: its dotted path (`rules.0.set.busy`, empty for the whole text) and why."""

    path: str
    message: str

    def __str__(self) -> str:
        return f"{self.path}: {self.message}" if self.path else self.message


class PolicyError(ValueError):
    """The policy is refused; `faults` says where and why, and nothing of it is applied."""

    def __init__(self, faults: Iterable[Fault]) -> None:
        self.faults = tuple(faults)
        super().__init__("\n".join(str(fault) for fault in self.faults))
