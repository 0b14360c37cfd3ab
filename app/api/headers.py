"""A header of a request, without reading all the others into a mapping first."""

from starlette.requests import Request


def header(request: Request, name: bytes) -> str | None:
    """The first header of this name, which is in small letters as ASGI has it."""
    for found, value in request.scope["headers"]:
        if found == name:
            return str(value, "latin-1")
    return None
