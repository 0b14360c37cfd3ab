"""Log lines: one event, one line, whatever a caller put into it."""

import logging
import re

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
CONTINUATION = "  | "


class OneLine(logging.Formatter):
    """Writes control characters as escapes, and sets every line of a traceback off.

    So no text of a caller can begin a line that reads as another event.
    """

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802  logging's own name
        return _CONTROL.sub(_escaped, super().formatMessage(record))

    def format(self, record: logging.LogRecord) -> str:
        return super().format(record).replace("\n", f"\n{CONTINUATION}")


def _escaped(character: re.Match[str]) -> str:
    return character[0].encode("unicode_escape").decode()
