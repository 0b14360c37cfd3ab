"""Who calls: bearer tokens, their roles, and the agents they may speak for."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Final
from urllib.parse import urlsplit

from starlette.requests import Request

from app.api.headers import header
from app.errors import Forbidden, LoopbackOnly, Unauthorized, UnknownAgent
from app.loopback import is_loopback
from app.tokens import Role, TokenEntry, hash_token

GATEWAY: Final = frozenset[Role]({"gateway", "operator"})
OPERATOR: Final = frozenset[Role]({"operator"})
VIEWER: Final = frozenset[Role]({"viewer", "operator"})
READER: Final = frozenset[Role]({"gateway", "viewer", "operator"})
HOSTS_KNOWN: Final = 128


@dataclass(frozen=True, slots=True)
class Caller:
    """Who makes a request; `agents` is None for all."""

    token_name: str
    role: Role
    agents: frozenset[str] | None

    def may_see(self, agent: str) -> bool:
        return self.agents is None or agent in self.agents

    def require_agent(self, agent: str) -> None:
        """Raise `UnknownAgent` for an agent that is another's."""
        if not self.may_see(agent):
            raise UnknownAgent


ANYBODY_HERE: Final = Caller(token_name="", role="operator", agents=None)


class Access:
    """Looks a request's token up by its hash, which tells nothing by the time it takes."""

    def __init__(self, entries: Iterable[TokenEntry]) -> None:
        self._callers = {
            entry.sha256: Caller(
                entry.name, entry.role, None if entry.agents is None else frozenset(entry.agents)
            )
            for entry in entries
        }

    def is_nobody(self, request: Request) -> bool:
        """Tell whether a token is needed and none was sent."""
        return bool(self._callers) and header(request, b"authorization") is None

    def require_place(self, request: Request) -> None:
        """Raise `LoopbackOnly` where there are no tokens and the request is not of this machine."""
        if not self._callers:
            _require_loopback(request)

    def caller(self, request: Request, roles: frozenset[Role]) -> Caller:
        """Return who calls; raises `Unauthorized`, `Forbidden` or `LoopbackOnly`."""
        self.require_place(request)
        if not self._callers:
            return ANYBODY_HERE
        scheme, _, token = (header(request, b"authorization") or "").partition(" ")
        caller = self._callers.get(hash_token(token.strip()))
        if scheme.lower() != "bearer" or caller is None:
            raise Unauthorized
        if caller.role not in roles:
            raise Forbidden
        return caller


def _require_loopback(request: Request) -> None:
    client = request.scope.get("client")
    if client is not None and not is_loopback(client[0]):
        raise LoopbackOnly
    # A web page may reach this machine through its visitor's browser, which names the page, or
    # by a name of its own that was bound to this machine.
    origin, host = header(request, b"origin"), header(request, b"host")
    if origin is not None and not is_loopback(_host_of(origin)):
        raise LoopbackOnly
    if host and not is_loopback(_host_of(f"//{host}")):
        raise LoopbackOnly


@lru_cache(maxsize=HOSTS_KNOWN)
def _host_of(url: str) -> str:
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""
