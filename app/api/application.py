"""The application: what every call comes through first, and finds its services in."""

from fastapi import FastAPI
from starlette.types import Receive, Scope, Send

from app.api.services import Services


class Application(FastAPI):
    """A FastAPI application whose calls go straight to its layers, `middleware_stack`.

    FastAPI's own way there looks for its telemetry and for a root path at each call; this service
    has neither. `services` are there as long as the application runs.
    """

    services: Services

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection, as ASGI has it."""
        layers = self.middleware_stack
        if layers is None or scope["type"] != "http":
            await super().__call__(scope, receive, send)
            return
        scope["app"] = self
        await layers(scope, receive, send)
