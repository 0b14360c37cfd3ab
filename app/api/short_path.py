"""The short path: the calls that gateways make all the time pass FastAPI by.

Its routing, and what it does around a handler, costs more than what the service does for a
heartbeat, and so do the layers around that. It documents these calls as any other, and would serve
them the same; the patterns of their paths are its own.
"""

from collections.abc import Awaitable, Iterable
from typing import Final

from fastapi.routing import APIRoute
from starlette.requests import Request
from starlette.routing import BaseRoute
from starlette.types import ASGIApp, Receive, Scope, Send

from app.api.problems import answered, on_surprise
from app.errors import ServiceError

HOT: Final = frozenset({"admit", "heartbeat", "complete"})
NOWHERE: Final = "/"


class ShortPath:
    """Calls the handler of a hot route; hands on whatever else comes."""

    def __init__(self, app: ASGIApp, routes: Iterable[BaseRoute]) -> None:
        self._app = app
        self._hot = [
            (route.path_regex, route)
            for route in routes
            if isinstance(route, APIRoute) and route.operation_id in HOT
        ]

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        """Serve one connection, as ASGI has it."""
        if scope["type"] == "http" and scope["method"] == "POST":
            for pattern, route in self._hot:
                match = pattern.fullmatch(scope["path"])
                if match is not None:
                    scope["route"], scope["path_params"] = route, match.groupdict()
                    return _serve(scope, receive, send)
        if scope["type"] == "http" and scope["path"].endswith("\n"):
            # The routes' patterns end before a line's end too: it would be a second spelling.
            scope["path"], scope["raw_path"] = NOWHERE, NOWHERE.encode()
        return self._app(scope, receive, send)


async def _serve(scope: Scope, receive: Receive, send: Send) -> None:
    request = Request(scope, receive)
    try:
        response = await scope["route"].endpoint(request, **scope["path_params"])
    except ServiceError as error:
        response = answered(request, error)
    except Exception as error:
        response = await on_surprise(request, error)
        await response(scope, receive, send)
        raise  # as Starlette does: the server logs it
    await response(scope, receive, send)
