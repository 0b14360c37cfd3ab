"""The scripts, one a verb, in one library of functions that is named by its content.

The server makes a library's functions once, where a script's would be made at each call. All
names end in the digest of the library's text, so two releases can share a store. A function on
one session works with the files of `lua/session`, which stand before it in this order, `admit`
with those of `lua/admit` as well; the others stand alone.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha1
from importlib.resources import files

LUA = files("app.store") / "lua"
SESSION_PARTS = (
    "keys",
    "values",
    "messages",
    "homes",
    "figures",
    "record",
    "settings",
    "generations",
    "contexts",
    "groups",
    "senders",
    "queue",
    "prompts",
    "ends",
    "returns",
    "runs",
    "reports",
    "filing",
    "replies",
    "operators",
)

# KEYS and ARGV are what a script calls its parameters.
_FUNCTION = """redis.register_function{{
  function_name = '{verb}_' .. DIGEST,
  flags = {{{flags}}},
  callback = function(KEYS, ARGV)
{body}
  end,
}}
"""


@dataclass(frozen=True, slots=True)
class Script:
    """What one verb does in the store: a file of `lua`, and the parts in the folder of its name.

    `is_act`: a person's act. Repeated, it could be done to what came meanwhile.
    """

    verb: str
    is_on_session: bool
    parts: tuple[str, ...] = ()
    is_act: bool = False

    def registered(self) -> str:
        """The script as its library registers it, with the flags of its shebang."""
        shebang, _, body = (LUA / f"{self.verb}.lua").read_text("utf-8").partition("\n")
        _, _, flag = shebang.partition("flags=")
        begins = "begin(KEYS, ARGV)\n" if self.is_on_session else ""
        function = _FUNCTION.format(
            verb=self.verb, flags=f"'{flag}'" if flag else "", body=begins + body
        )
        if not self.parts:
            return function
        return "\n".join(["do", *_texts(self.verb, self.parts), function, "end"])


@dataclass(frozen=True, slots=True)
class Library:
    """All scripts in one text, and the digest of it that ends their names."""

    digest: str
    body: str

    @property
    def text(self) -> str:
        """What `FUNCTION LOAD` takes."""
        head = f"#!lua name=session_router_{self.digest}\nlocal DIGEST = '{self.digest}'\n"
        return head + self.body

    def function(self, script: Script) -> str:
        """The name that `FCALL` takes."""
        return f"{script.verb}_{self.digest}"


def library_of(body: str) -> Library:
    """Name a library by what is in it."""
    return Library(sha1(body.encode(), usedforsecurity=False).hexdigest()[:16], body)


def _alone(verb: str) -> Script:
    return Script(verb, is_on_session=False)


def _on_session(verb: str) -> Script:
    return Script(verb, is_on_session=True)


def _act(verb: str) -> Script:
    return Script(verb, is_on_session=True, is_act=True)


ADMIT = Script(
    "admit",
    is_on_session=True,
    parts=("incoming", "limits", "storing", "meeting", "starting", "controls"),
)
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
INTERRUPT = _act("interrupt")
RESET = _act("reset")
RELEASE = _act("release")
PAUSE = _act("pause")
BIND = _on_session("bind")
REMOVE = _act("remove")
DELETE = _act("delete")
AMEND = _on_session("amend")
REDRIVE = _act("redrive")
DISCARD = _act("discard")
LETTERS = _alone("letters")
TIMELINE = _alone("timeline")
PUT_POLICY = Script("put_policy", is_on_session=False, is_act=True)
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
WALK = _alone("walk")
NEWS = _alone("news")
HELD = _alone("held")
INDEX = _alone("index")
STATS = _alone("stats")


def _body_of(scripts: Sequence[Script]) -> str:
    """Those that stand alone come first, where they see nothing of the shared parts."""
    alone = [script.registered() for script in scripts if not script.is_on_session]
    on_session = [script.registered() for script in scripts if script.is_on_session]
    return "\n".join([*alone, *_texts("session", SESSION_PARTS), *on_session])


def _texts(folder: str, parts: Sequence[str]) -> list[str]:
    return [(LUA / folder / f"{part}.lua").read_text("utf-8") for part in parts]


LIBRARY = library_of(_body_of([one for one in vars().values() if isinstance(one, Script)]))
