"""Session Router: the service."""

from typing import Final

TITLE: Final = "Session Router"
VERSION: Final = "0.1.0"
DESCRIPTION: Final = (
    "For every platform message, in one atomic step: which session is this, and does it run "
    "now, wait, interrupt or steer?"
)
