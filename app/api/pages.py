"""`/dashboard` and `/docs`: pages of a handful of files that are sent as they are.

The files hold no data: what a page shows it asks of the API, with its visitor's token. Each
is read once, at the start.
"""

from hashlib import sha256
from pathlib import Path
from typing import Final

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from app import dashboard, reference
from app.api.services import services_of

# Where each page's files are; its `index.html` is the address itself.
PAGES: Final = {
    "/dashboard": Path(dashboard.__file__).parent,
    "/docs": Path(reference.__file__).parent,
}
MEDIA_TYPES: Final = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
# The last two: no text becomes markup or code, whatever a script of the page does with it.
CONTENT_SECURITY_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'; trusted-types 'none'"
)
HEADERS: Final = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    # Modules name each other without a version: a browser asks each time, and is told 304.
    "Cache-Control": "no-cache",
}

router = APIRouter(include_in_schema=False)


class PageFile:
    """One file of a page, and the handler that sends it."""

    def __init__(self, path: Path) -> None:
        self._content = path.read_bytes()
        self._media_type = MEDIA_TYPES[path.suffix]
        self._etag = f'"{sha256(self._content).hexdigest()[:32]}"'

    async def send(self, request: Request) -> Response:
        """Answer with the file, or 304 if the browser has it."""
        services_of(request).access.require_place(request)
        headers = {**HEADERS, "ETag": self._etag}
        if self._etag in request.headers.get("if-none-match", ""):
            return Response(status_code=304, headers=headers)
        return Response(self._content, headers=headers, media_type=self._media_type)


def _add_files(page: str, root: Path) -> None:
    for path in sorted(root.rglob("*")):
        if path.suffix in MEDIA_TYPES:
            name = path.relative_to(root).as_posix()
            address = page if name == "index.html" else f"{page}/{name}"
            router.add_api_route(address, PageFile(path).send, methods=["GET", "HEAD"])


for _page, _root in PAGES.items():
    _add_files(_page, _root)
