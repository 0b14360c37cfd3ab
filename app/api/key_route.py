"""Routes with a session key in their path, which may hold an encoded slash."""

from urllib.parse import unquote

from fastapi.routing import APIRoute
from starlette.routing import Match
from starlette.types import Scope

_SLASH_OF_A_KEY = "\ud800"  # in no path: it is no character, and no bytes decode to it


class KeyRoute(APIRoute):
    """Matches the path as it was sent: `%2F` belongs to a key, `/` parts the path."""

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """Match like the base class does, with every path parameter whole."""
        if scope["type"] != "http":
            return super().matches(scope)
        raw_path = scope["raw_path"].decode("latin-1").partition("?")[0]
        marked = raw_path.replace("%2F", _SLASH_OF_A_KEY).replace("%2f", _SLASH_OF_A_KEY)
        match, child = super().matches({**scope, "path": unquote(marked)})
        parameters = child.get("path_params", {})
        for name, value in parameters.items():
            parameters[name] = value.replace(_SLASH_OF_A_KEY, "/")
        return match, child
