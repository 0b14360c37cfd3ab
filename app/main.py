"""The application: wiring and lifespan, nothing else."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from typing import Final

from fastapi.telemetry import TelemetryConfig

from app import DESCRIPTION, TITLE, VERSION, garbage
from app.api import (
    actions,
    chats,
    dead_letters,
    events,
    messages,
    operations,
    pages,
    policy,
    roster,
    runs,
    sessions,
    signals as signal_streams,
    system,
)
from app.api.application import Application
from app.api.auth import Access
from app.api.calls import WatchedCalls
from app.api.limits import RequestLimit
from app.api.openapi import describe
from app.api.problems import answer_problems
from app.api.services import Services
from app.api.short_path import ShortPath
from app.claims import Claims
from app.conversations import Conversations
from app.feed import Feed
from app.lifeline import ends_with_parent, told_to_end
from app.places import Places
from app.policy_in_force import PolicyInForce
from app.presence import Presence
from app.retirement import Retirement
from app.routing.policy import Policy, parse_policy
from app.settings import Settings, SettingsError, load_settings
from app.signals import Signals
from app.store.actions import Actions
from app.store.aliases import Aliases
from app.store.chat_memories import ChatMemories
from app.store.chat_names import ChatNames
from app.store.clock import stores_clock
from app.store.dead_letters import DeadLetters
from app.store.deadlines import Deadlines
from app.store.events import EventWire
from app.store.figures import Figures
from app.store.holdings import Holdings
from app.store.operations import Operations
from app.store.patience import until_answered
from app.store.policies import Policies
from app.store.posts import Posts
from app.store.publications import listen
from app.store.ready_runs import ReadyRuns
from app.store.roster import Roster
from app.store.session_lists import SessionLists
from app.store.session_store import SessionStore
from app.store.session_views import SessionViews
from app.store.shards import record_shards
from app.store.store_client import StoreClient
from app.store.stored_form import record_form
from app.sweep import Sweep
from app.tokens import read_tokens
from app.tracing import tracing

ASK_AGAIN_SECONDS = 0.1
RESOURCES = (
    messages,
    chats,
    runs,
    signal_streams,
    actions,
    operations,
    sessions,
    dead_letters,
    policy,
    events,
    roster,
    system,
    pages,
)
# FastAPI's own would tell paths, which name chats and people, and what errors quote.
NO_TELEMETRY: Final[TelemetryConfig] = {
    "tracing": False,
    "metrics": False,
    "logs": False,
    "auto_configure": False,
}


def create_app(
    settings: Settings | None = None, clock: Callable[[], str] = stores_clock
) -> Application:
    """Make the application; `clock` is for tests that shift the store's time.

    Raises `SettingsError`, `PolicyError` or `TokensError` when it was told nonsense.
    """
    settings = settings or load_settings()
    access = read_access(settings)
    policy_of_file = read_policy(settings)

    @asynccontextmanager
    async def lifespan(app: Application) -> AsyncIterator[None]:
        client = _connect(settings)
        try:
            services = _services(settings, access, client, clock)
            await until_answered(lambda: record_form(client))
            await until_answered(lambda: record_shards(client, settings.shards))
            await until_answered(lambda: services.policy.seed(policy_of_file))
            app.services = services
            with ends_with_parent(), told_to_end(services.let_go), garbage.seldom_looked_for():
                async with tracing(), _at_work(settings, services, clock):
                    yield
        finally:
            await client.close()

    app = Application(
        title=TITLE,
        version=VERSION,
        description=DESCRIPTION,
        lifespan=lifespan,
        docs_url=None,  # FastAPI's own pages load scripts from elsewhere
        redoc_url=None,
        redirect_slashes=False,  # it would send callers to whatever host they named
        telemetry=NO_TELEMETRY,
    )
    for resource in RESOURCES:
        app.include_router(resource.router)
    answer_problems(app)
    # Around FastAPI's own layers, which the hot calls pass by as well.
    hot = [*messages.router.routes, *runs.router.routes]
    app.middleware_stack = WatchedCalls(ShortPath(app.build_middleware_stack(), hot))
    app.openapi = lambda: describe(app)  # type: ignore[method-assign]
    return app


def read_access(settings: Settings) -> Access:
    """The tokens file's access, or loopback's where there is none."""
    return Access(() if settings.tokens_file is None else read_tokens(settings.tokens_file))


def read_policy(settings: Settings) -> Policy | None:
    """The policy file, whole, None where there is none; raises `PolicyError`."""
    if settings.policy_file is None:
        return None
    try:
        text = settings.policy_file.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{settings.policy_file}: cannot be read: {error}") from error
    return parse_policy(text)


def _connect(settings: Settings) -> StoreClient:
    if settings.redis_url is None:
        raise SettingsError("no SESSION_ROUTER_REDIS_URL: start it with 'session-router serve'")
    return StoreClient(settings.redis_url, settings.store_timeout_seconds)


@asynccontextmanager
async def _at_work(
    settings: Settings, services: Services, clock: Callable[[], str]
) -> AsyncIterator[None]:
    """Run what needs no request: sweep, retirement, the claims' line, signals, feed, hints."""
    deadlines = Deadlines(services.client, settings.shards, clock)
    listening = listen(
        services.client,
        services.claims.look,
        services.signals.signalled,
        services.feed.published,
    )
    loops = (
        services.policy.run(),
        Sweep(deadlines).run(),
        Retirement(deadlines).run(),
        services.claims.run(),
        services.signals.run(),
        services.feed.run(),
        services.presence.run(),
        listening,
    )
    tasks = [asyncio.create_task(loop) for loop in loops]
    try:
        yield
    finally:
        await _end_all(tasks)


async def _end_all(tasks: Iterable[asyncio.Task[None]]) -> None:
    # A library may lose a cancellation that comes while it connects: ask until each has ended.
    pending = set(tasks)
    while pending:
        for task in pending:
            task.cancel()
        _, pending = await asyncio.wait(pending, timeout=ASK_AGAIN_SECONDS)


def _services(
    settings: Settings,
    access: Access,
    client: StoreClient,
    clock: Callable[[], str],
) -> Services:
    parts = (client, settings.shards, clock)
    store = SessionStore(*parts)
    policies, aliases = Policies(client, clock), Aliases(client, settings.shards)
    policy_in_force = PolicyInForce(policies, aliases.follow)
    conversations = Conversations(ChatMemories(*parts))
    chat_names, posts = ChatNames(client, settings.shards), Posts(client, settings.shards)
    claims, signals = Claims(ReadyRuns(*parts), store), Signals(Holdings(*parts))
    figures, roster = Figures(*parts), Roster(*parts)
    feed = Feed(EventWire(client, clock), figures)
    return Services(
        access=access,
        limit=RequestLimit(settings.requests_per_second),
        streams_max=settings.streams_max,
        claims_max=settings.claims_max,
        policies=policies,
        policy=policy_in_force,
        places=Places(policy_in_force, aliases, chat_names, conversations, posts),
        client=client,
        store=store,
        claims=claims,
        signals=signals,
        operations=Operations(*parts),
        dead_letters=DeadLetters(*parts),
        views=SessionViews(*parts),
        lists=SessionLists(*parts),
        figures=figures,
        actions=Actions(client, settings.shards),
        roster=roster,
        feed=feed,
        presence=Presence(roster, feed, lambda: {*claims.holders(), *signals.holders()}),
        hides_texts=settings.hide_texts,
    )
