"""The scenarios' service, for the tables too."""

from tests.scenarios.conftest import serve

__all__ = ["serve"]
