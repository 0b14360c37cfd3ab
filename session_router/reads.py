"""What a client may look up; nothing here changes anything."""

from typing import Final
from urllib.parse import quote

from session_router.connection import Call, Connection
from session_router.models import (
    MessageStatus,
    Resolution,
    ResolveRequest,
    RunList,
    RunState,
    SessionDetail,
    SessionPage,
    SessionState,
    Source,
    Stats,
    Timeline,
)


class Reads:
    """Look-ups, each retried like a message for `retry_seconds`.

    `resolve` and `message_status` are about the client's own agent where none is given. All
    raise `Refused` (404 for what is not known), `Unauthorized`, `InvalidMessage` or
    `Unavailable`.
    """

    def __init__(self, connection: Connection, retry_seconds: float, agent: str) -> None:
        self.agent: Final = agent
        self._connection = connection
        self._retry_seconds = retry_seconds

    async def resolve(self, source: Source, *, agent: str | None = None) -> Resolution:
        """Tell which session key and policy a source has; touches nothing."""
        body = ResolveRequest(agent=agent or self.agent, source=source)
        call = Call("POST", "/v1/resolve", Resolution, body)
        return (await self._connection.persist(call, self._retry_seconds)).value

    async def message_status(
        self, message_id: str, source: Source, *, agent: str | None = None
    ) -> MessageStatus:
        """Tell what became of a message; of the source only its chat counts."""
        place = {
            "agent": agent or self.agent,
            "platform": source.platform,
            "account": source.account,
            "scope": source.scope,
            "chat_id": source.chat_id,
            "message_id": message_id,
        }
        params = {name: value for name, value in place.items() if value is not None}
        call = Call("GET", "/v1/messages", MessageStatus, params=params)
        return (await self._connection.persist(call, self._retry_seconds)).value

    async def run_state(self, run_id: str) -> RunState:
        """Tell how a run stands or ended. Raises `LeaseLost` for one never heard of."""
        call = Call("GET", f"/v1/runs/{quote(run_id, safe='')}", RunState)
        return (await self._connection.persist(call, self._retry_seconds)).value

    async def runs_of(self, consumer: str) -> tuple[RunState, ...]:
        """Tell the active runs that a consumer holds."""
        call = Call("GET", "/v1/runs", RunList, params={"consumer": consumer})
        return (await self._connection.persist(call, self._retry_seconds)).value.runs

    async def session(self, key: str) -> SessionDetail:
        """Tell a session's run, queue and counters."""
        call = Call("GET", f"/v1/sessions/{quote(key, safe='')}", SessionDetail)
        return (await self._connection.persist(call, self._retry_seconds)).value

    async def sessions(  # noqa: PLR0913  filters, by name
        self,
        cursor: str | None = None,
        *,
        agent: str | None = None,
        platform: str | None = None,
        chat_id: str | None = None,
        user_id: str | None = None,
        state: SessionState | None = None,
        limit: int | None = None,
    ) -> SessionPage:
        """Give a page of the sessions that fit; the page's `cursor` asks for the next one.

        An absent filter takes all that the token may see; `chat_id` and `user_id` are the
        platform's. `limit` is 1 to 200, 50 if not given; a page may be shorter before the end.
        """
        wanted = {"cursor": cursor, "agent": agent, "platform": platform, "chat": chat_id}
        wanted |= {"user": user_id, "state": state, "limit": None if limit is None else str(limit)}
        params = {name: value for name, value in wanted.items() if value is not None}
        call = Call("GET", "/v1/sessions", SessionPage, params=params)
        return (await self._connection.persist(call, self._retry_seconds)).value

    async def timeline(self, key: str) -> Timeline:
        """Tell the last 50 events of a session, oldest first."""
        call = Call("GET", f"/v1/sessions/{quote(key, safe='')}/timeline", Timeline)
        return (await self._connection.persist(call, self._retry_seconds)).value

    async def stats(self) -> Stats:
        """Give the figures of the whole service, as far as the token's agents reach."""
        call = Call("GET", "/v1/stats", Stats)
        return (await self._connection.persist(call, self._retry_seconds)).value
