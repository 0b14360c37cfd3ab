"""The scripts, one a verb, as text to be called by content.

A script on one session begins with the files of `lua/session`, in this order; the others
stand alone. A script is addressed by the hash of its text, so two releases can share a
store.
"""

from dataclasses import dataclass
from hashlib import sha1
from importlib.resources import files

LUA = files("app.store") / "lua"
SESSION_PARTS = (
    "keys",
    "messages",
    "homes",
    "record",
    "contexts",
    "groups",
    "queue",
    "prompts",
    "ends",
    "runs",
    "reports",
    "filing",
    "replies",
    "operators",
)


@dataclass(frozen=True, slots=True)
class Script:
    """A script's verb, text and SHA-1, the name that `EVALSHA` takes."""

    verb: str
    text: str
    sha: str


def _script(verb: str, text: str) -> Script:
    return Script(verb, text, sha1(text.encode(), usedforsecurity=False).hexdigest())


def _alone(verb: str) -> Script:
    return _script(verb, (LUA / f"{verb}.lua").read_text("utf-8"))


def _on_session(verb: str) -> Script:
    # The server wants the shebang on the first line, before the shared parts.
    shebang, _, body = (LUA / f"{verb}.lua").read_text("utf-8").partition("\n")
    parts = [(LUA / "session" / f"{part}.lua").read_text("utf-8") for part in SESSION_PARTS]
    return _script(verb, "\n".join([shebang, *parts, body]))


ADMIT = _on_session("admit")
HEARTBEAT = _on_session("heartbeat")
COMPLETE = _on_session("complete")
SESSION = _on_session("session")
SUMMARY = _on_session("summary")
RUN = _on_session("run")
ASK = _on_session("ask")
SEAL = _on_session("seal")
CLAIM = _on_session("claim")
REGRANT = _on_session("regrant")
SETTLE = _on_session("settle")
OUTSTANDING = _on_session("outstanding")
INTERRUPT = _on_session("interrupt")
RESET = _on_session("reset")
RELEASE = _on_session("release")
PAUSE = _on_session("pause")
BIND = _on_session("bind")
REMOVE = _on_session("remove")
DELETE = _on_session("delete")
AMEND = _on_session("amend")
REDRIVE = _on_session("redrive")
DISCARD = _on_session("discard")
LETTERS = _alone("letters")
TIMELINE = _alone("timeline")
PUT_POLICY = _alone("put_policy")
POLICIES = _alone("policies")
ACTIONS = _alone("actions")
ANNOUNCE = _alone("announce")
SEEN = _alone("seen")
COUNTS = _alone("counts")
TELL = _alone("tell")
ALIASES = _alone("aliases")
MEMORY = _alone("memory")
HOME = _alone("home")
POST = _alone("post")
MOVE = _alone("move")
MESSAGE = _alone("message")
EARLY = _alone("early")
READY = _alone("ready")
DUE = _alone("due")
NEWS = _alone("news")
HELD = _alone("held")
INDEX = _alone("index")
STATS = _alone("stats")
