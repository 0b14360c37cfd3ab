"""What must come to rest by itself does, or it is said what does not (I5)."""

import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Final
from urllib.parse import quote

from app.torture.history import Json
from app.torture.routers import Routers
from app.torture.senders import Stuck

FAR_SECONDS: Final = 60.0
STILL_SECONDS: Final = 10.0
HARD_SECONDS: Final = 120.0
TOLD_MAX: Final = 5


class Remains:
    """The sessions of an agent that something waits or runs in.

    `still_seconds`: one that has no deadline ahead and does not change for so long is stuck;
    `hard_seconds`: after so long everything is.
    """

    def __init__(
        self,
        routers: Routers,
        agent: str,
        still_seconds: float = STILL_SECONDS,
        hard_seconds: float = HARD_SECONDS,
    ) -> None:
        self._routers = routers
        self._agent = agent
        self._still_seconds = still_seconds
        self._deadline = time.monotonic() + hard_seconds
        self._since: dict[str, float] = {}

    async def are_delays(self) -> bool:
        """Whether all that is left waits for a deadline that is far away: a delay doubles.

        Raises `Stuck` with what does not go on by itself.
        """
        sessions = [session async for session in self._sessions()]
        now = time.monotonic()
        still = {_state_of(session): session for session in sessions if _left(session) <= 0}
        self._since = {state: self._since.get(state, now) for state in still}
        stuck = [s for state, s in still.items() if now - self._since[state] >= self._still_seconds]
        if stuck:
            raise await self._stuck(stuck, "these do not go on by themselves")
        far = all(_left(s) > FAR_SECONDS and s["state"] == "waiting" for s in sessions)
        if sessions and not far and now > self._deadline:
            raise await self._stuck(sessions, "these have not come to rest")
        return bool(sessions) and far

    async def _sessions(self) -> AsyncIterator[Json]:
        for state in ("waiting", "running", "paused"):
            cursor: str | None = ""
            while cursor is not None:
                place = f"agent={quote(self._agent)}&state={state}&limit=200"
                place += f"&cursor={quote(cursor)}" if cursor else ""
                page = await self._routers.insist("GET", f"/v1/sessions?{place}")
                for line in page["sessions"]:
                    session = await self._routers.insist("GET", _path_of(line["key"]))
                    if session["run"] or session["queue"]:
                        yield session
                cursor = page["cursor"]

    async def _stuck(self, sessions: list[Json], what: str) -> Stuck:
        told = []
        for session in sessions[:TOLD_MAX]:
            path = f"{_path_of(session['session']['key'])}/timeline"
            told.append(f"{session} {await self._routers.insist('GET', path)}")
        return Stuck("\n".join((f"{what}, {len(sessions)} in all:", *told)))


def _left(session: Json) -> float:
    """The seconds until a session's deadline, by this machine's clock; 0 where it has none."""
    run = session["run"]
    deadline = run["lease_expires_at"] if run else session["ready_at"]
    if deadline is None:
        return 0.0
    return (datetime.fromisoformat(deadline) - datetime.now(UTC)).total_seconds()


def _state_of(session: Json) -> str:
    run = session["run"] or {}
    waiting = [message["seq"] for message in session["queue"]]
    parts = (session["session"]["key"], session["state"], run.get("id"), waiting)
    return f"{parts} {run.get('lease_expires_at')} {session['ready_at']}"


def _path_of(key: str) -> str:
    return f"/v1/sessions/{quote(key, safe='')}"
