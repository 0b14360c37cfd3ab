"""What handlers work with, made once by `create_app`."""

from dataclasses import dataclass, field

from starlette.requests import Request

from app.api.auth import OPERATOR, Access, Caller
from app.api.calls import call_of
from app.api.limits import RequestLimit
from app.api.patience import Patience
from app.claims import Claims
from app.feed import Feed
from app.places import Places
from app.policy_in_force import PolicyInForce
from app.presence import Presence
from app.routing.rules import Rulebook
from app.signals import Signals
from app.store.actions import Actions
from app.store.dead_letters import DeadLetters
from app.store.figures import Figures
from app.store.operations import Operations
from app.store.policies import Policies
from app.store.roster import Roster
from app.store.session_lists import SessionLists
from app.store.session_store import SessionStore
from app.store.session_views import SessionViews
from app.store.store_client import StoreClient
from app.tokens import Role


@dataclass(frozen=True, slots=True)
class Services:
    """The parts of one running service."""

    access: Access
    policies: Policies
    policy: PolicyInForce
    places: Places
    client: StoreClient
    store: SessionStore
    claims: Claims
    signals: Signals
    operations: Operations
    dead_letters: DeadLetters
    views: SessionViews
    lists: SessionLists
    figures: Figures
    limit: RequestLimit
    streams_max: int
    claims_max: int
    actions: Actions
    roster: Roster
    feed: Feed
    presence: Presence
    hides_texts: bool
    patience: Patience = field(default_factory=Patience)

    @property
    def rulebook(self) -> Rulebook:
        """The rules in force at this moment."""
        return self.policy.rulebook

    def let_go(self) -> None:
        """The service ends: end what would wait on, streams, long polls, half-sent bodies."""
        self.patience.lose()
        self.claims.close()
        self.signals.close()
        self.feed.close()

    def caller(self, request: Request, roles: frozenset[Role]) -> Caller:
        """Return who calls, and note it in the call; count the request.

        Raises as `Access.caller` does, and `TooManyRequests`.
        """
        caller = self.access.caller(request, roles)
        self.limit.take(caller.token_name)
        call = call_of(request)
        call.by, call.is_operators = caller.token_name, roles == OPERATOR
        return caller


def services_of(request: Request) -> Services:
    services: Services = request.scope["app"].services
    return services
