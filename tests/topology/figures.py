"""How often a failover is tried, and where a test of one says what it counted and measured."""

import logging
import os

import pytest

ROUNDS = int(os.environ.get("SESSION_ROUTER_FAILOVERS") or 1)

logger = logging.getLogger("topology")

in_rounds = pytest.mark.usefixtures("each_round")
"""Once, or as often as `SESSION_ROUTER_FAILOVERS` says."""


def tell(line: str) -> None:
    """Tell a figure; `make test-topology` shows it."""
    logger.warning(line)
