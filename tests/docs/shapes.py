"""Whether a shown answer is the real one, shortened.

`"…"` stands for any value; as a key it says that there is more, in a list likewise; at the end
of a text it stands for the rest. What is new in every answer (ids, fences, times) must have the
form of the one shown. Everything else must be equal.
"""

import json
import re
from typing import Any

MORE = "…"
_FORMS = tuple(
    re.compile(form)
    for form in (
        r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z",  # a time
        r"\d{16}-\d+",  # a session id
        r"\d{16}\.\d+\.[A-Za-z0-9_-]+…?",  # a run id
    )
)
_FENCES_FROM = 10**15


def difference(shown: Any, real: Any, path: str = "answer") -> str | None:
    """Tell where a real answer is not as shown, None where it is."""
    if shown == MORE:
        return None
    if isinstance(shown, dict) and isinstance(real, dict):
        return _of_mappings(shown, real, path)
    if isinstance(shown, list) and isinstance(real, list):
        return _of_lists(shown, real, path)
    if _alike(shown, real):
        return None
    return f"{path}: shown is {json.dumps(shown)}, real is {json.dumps(real)}"


def _of_mappings(shown: dict[str, Any], real: dict[str, Any], path: str) -> str | None:
    named = {name: value for name, value in shown.items() if name != MORE}
    if MORE not in shown and named.keys() != real.keys():
        return f"{path}: shown are {sorted(named)}, real are {sorted(real)}"
    for name, value in named.items():
        if name not in real:
            return f"{path}.{name}: is not in the real answer"
        found = difference(value, real[name], f"{path}.{name}")
        if found:
            return found
    return None


def _of_lists(shown: list[Any], real: list[Any], path: str) -> str | None:
    wanted = [item for item in shown if item != MORE]
    if len(real) < len(wanted) or (MORE not in shown and len(real) != len(wanted)):
        return f"{path}: {len(wanted)} are shown, {len(real)} are real"
    pairs = enumerate(zip(wanted, real, strict=False))
    found = (difference(one, other, f"{path}.{index}") for index, (one, other) in pairs)
    return next((text for text in found if text), None)


def _alike(shown: Any, real: Any) -> bool:
    if isinstance(shown, str) and isinstance(real, str):
        if any(form.fullmatch(shown) and form.fullmatch(real) for form in _FORMS):
            return True
        return shown == real or (shown.endswith(MORE) and real.startswith(shown[: -len(MORE)]))
    if type(shown) is int and type(real) is int and shown >= _FENCES_FROM:
        return real >= _FENCES_FROM
    return bool(shown == real and (shown is None) == (real is None))
