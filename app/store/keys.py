"""Every key in the store, spelled here and nowhere else.

All keys of a shard carry its tag, `sr:{shard}:`, so that a script stays in one slot.
Numbers are milliseconds of the store's clock unless said otherwise.

====================  ======  ===========================================================
key                   type    what it holds; who writes it; how long it lives
====================  ======  ===========================================================
`session:<key>`       string  the session, a packed map: id, last seq, settings, how many
                              messages wait, and while it runs the fence, its deadlines and
                              `run`: holder, owners, interrupt, what its holder reports; every
                              verb; until retired
`queue:<key>`         list    waiting messages in the order of delivery, packed with
                              their bodies; until granted or removed
`batch:<key>`         string  the active run's messages, packed likewise, one after the
                              other; while it runs
`senders:<key>`       hash    sender to how many of its messages wait, and the ids, as sent, of
                              those whose names do not tell them; while any does
`participants:<key>`  string  sender to `seq JSON` of its name, the last 50, a packed map;
                              with the session
`omitted:<key>`       list    the last 20 messages that were dropped or expired; until a
                              run that was told of them completes
`timeline:<key>`      list    the last 50 events and at most 14 more, each packed; with the
                              session
`fence`               string  the last number drawn: fences and session ids; for ever
`settings:<id>`       string  the effective policy as JSON; one for each distinct outcome of
                              the policy; for ever (policy)
`counts:<bucket>`     string  how many messages of an agent and platform are in each state, how
                              many were accepted, and how many runs granted, a packed map; for
                              ever
`tallies`             string  how often something has happened, a packed map; for ever
`due`                 zset    session that runs or waits to its next deadline (lease, retry,
                              debounce, expiry); with what is due
`walk`                hash    how far the walk that retires idle sessions has come: the bucket,
                              the session, and when; for ever
`buckets`             set     `agent:platform` pairs that have counts or sessions; the platform
                              of a session that spans them is `*`; for ever
`letters`             hash    digest to dead letter; until a person takes it
`sessions:<bucket>`   zset    all sessions, by key; with the session
`running:<bucket>`    zset    sessions in that state, since when; likewise `waiting:` and
                              `paused:`; an idle session is in none of them
`backlog:<bucket>`    zset    sessions in which something waits, by its oldest arrival
`dead:<bucket>`       zset    digests of dead letters, since when
`active:<chat>`       set     sessions of a chat in which something runs (of a session that
                              spans chats: itself); while it runs
`ready:<a>:<p>:<c>`   zset    sessions of an agent, platform and account that wait for
                              nothing but a claim, since when
`ready_sets`          set     names of the ready sets that are not empty
`consumer:<holder>`   hash    session to fence of the runs that a consumer holds
`lost:<holder>`       list    the last 100 runs that a holder lost: session, fence, how; an
                              hour from the last
`news`                zset    holders that were signalled, when; an hour
`id:<digest>`         string  home of an accepted id: its session, state, first decision;
                              while it lives and `dedupe_seconds` after; as a pointer
                              (session alone) `POINTER_DAYS`; of a control likewise
`memory:<chat>`       string  version and text of what a chat in `conversation` isolation
                              remembers; `session_ttl_days` from the last message
`context:<key>`       string  what was overheard, packed, at most 64 KiB; until a run that
                              was told it completes, a reset, or `context_ttl_seconds`
`data:<key>`          hash    the gateway's own JSON: `current`, and `previous` of the id
                              before; with the session
`early:<digest>`      string  an edit or deletion that came before its message; a minute
`sent:<digest>`       string  session of this chat whose run posted this message;
                              `dedupe_seconds`
`moved:<chat>`        string  id under which a moved chat is kept; `MOVED_DAYS` from last use
`thread:<digest>`     string  session that a thread of this chat is bound to; with the session
`ended:<fence>`       string  how a run ended and what was granted next, for repeats;
                              `dedupe_seconds`
`alias:<digest>`      string  a person's id that stands in keys, since when; `session_ttl`
                              from last use
`alias_places`        set     agents, platforms and scopes where aliases were taught
`actions:<agent>`     stream  the last 1,000 things that people did to an agent's sessions and
                              dead letters, each a JSON list; for ever
`never`               none    never there: see `session_keys`
`sr:shards`           string  (no tag) the number of shards; for ever
`sr:form`             string  (no tag) the form of all this, a number; for ever
`sr:{policy}:...`     string  `current`, `versions` (a list of the last 20), `file`, the
                              digest of the policy file that was applied last, and
                              `actions`, as an agent's; for ever
`sr:{routers}:...`    zset    `seen` (routers as JSON, when) a minute, `consumers` (an agent
                              and a holder as JSON, when; at most 1,000) an hour, `heard`
                              (a string, while somebody listens to the live feed) seconds
====================  ======  ===========================================================
"""

from base64 import urlsafe_b64encode
from hashlib import blake2b

from app.routing.keys import (
    ChatName,
    SessionKey,
    decode,
    encode,
    lives_in,
    person,
    platform_of,
)

SHARDS = "sr:shards"
FORM = "sr:form"
POLICY = (
    "sr:{policy}:current",
    "sr:{policy}:versions",
    "sr:{policy}:file",
    "sr:{policy}:actions",
)
ROUTERS = ("sr:{routers}:seen", "sr:{routers}:consumers", "sr:{routers}:heard")
POINTER_DAYS = 30
MOVED_DAYS = 400

# Publications: hints for routers, which read the stored state at the latest every second.
READY_CHANNEL = "sr:ready"  # says the name of a ready set
SIGNALS_CHANNEL = "sr:signals"  # says "<shard> <holder>"
# The live feed: what a script alone knows, one JSON list each; and what routers answered.
EVENTS_CHANNEL = "sr:events"
ANSWERS_CHANNEL = "sr:answers"  # says "<milliseconds> <JSON>"


def session_keys(
    shard: int, session: SessionKey, known_to_live_in: str | None = None
) -> tuple[str, str, str]:
    """What a script on one session is given: from these it builds the other keys.

    The last one is never there. While a cluster moves a slot key by key, a server that misses a
    key of a call refuses it (`TRYAGAIN`, `ASK`); so no script begins where it may miss others.
    """
    tag = f"sr:{{{shard}}}:"
    place = known_to_live_in or lives_in(session)
    return f"{tag}session:{session}", f"{tag}active:{place}", f"{tag}never"


def bucket_of(session: SessionKey) -> str:
    """The index a session is filed in: `agent:platform`, both as keys spell them."""
    agent = session.split(":", 2)[1]
    return f"{agent}:{platform_of(session)}"


def parts_of_bucket(bucket: str) -> tuple[str, str]:
    """The agent and the platform of a bucket."""
    agent, platform = bucket.split(":")
    return decode(agent), platform


def home_digest(chat: ChatName, message_id: str) -> str:
    """128 bits that stand for an accepted id of a chat, 22 characters."""
    return _digest(f"{chat}:{encode(message_id)}")


def thread_digest(bound_as: SessionKey) -> str:
    """128 bits that stand for a thread of a chat, or one user's in it, 22 characters."""
    return _digest(bound_as)


def _digest(name: str) -> str:
    return urlsafe_b64encode(blake2b(name.encode(), digest_size=16).digest())[:22].decode()


def alias_places(shard: int) -> str:
    return f"sr:{{{shard}}}:alias_places"


def alias_place(agent: str, platform: str, scope: str | None) -> str:
    """Where an alias holds: ids of people are unique on a platform, or in its scopes."""
    return person(platform, scope, agent)


def alias(shard: int, place: str, user_id: str) -> str:
    return f"sr:{{{shard}}}:alias:{_digest(f'{place} {encode(user_id)}')}"


def thread(shard: int, digest: str) -> str:
    return f"sr:{{{shard}}}:thread:{digest}"


def home(shard: int, digest: str) -> str:
    return f"sr:{{{shard}}}:id:{digest}"


def early(shard: int, digest: str) -> str:
    return f"sr:{{{shard}}}:early:{digest}"


def sent(shard: int, digest: str) -> str:
    return f"sr:{{{shard}}}:sent:{digest}"


def moved(shard: int, chat: ChatName) -> str:
    return f"sr:{{{shard}}}:moved:{chat}"


def memory(shard: int, chat: ChatName) -> str:
    return f"sr:{{{shard}}}:memory:{chat}"


def ready_sets(shard: int) -> str:
    return f"sr:{{{shard}}}:ready_sets"


def news(shard: int) -> str:
    return f"sr:{{{shard}}}:news"


def due(shard: int) -> str:
    return f"sr:{{{shard}}}:due"


def walk(shard: int) -> list[str]:
    """The walk, and what keeps it out of a slot that moves: see `session_keys`."""
    return [f"sr:{{{shard}}}:walk", f"sr:{{{shard}}}:never"]


def letters(shard: int) -> str:
    return f"sr:{{{shard}}}:letters"


def actions(shard: int, agent: str) -> str:
    return f"sr:{{{shard}}}:actions:{agent}"


def timeline(shard: int, session: SessionKey) -> list[str]:
    tag = f"sr:{{{shard}}}:"
    return [f"{tag}session:{session}", f"{tag}timeline:{session}"]


def consumer_runs(shard: int, holder: str) -> str:
    return f"sr:{{{shard}}}:consumer:{holder}"


def lost_runs(shard: int, holder: str) -> str:
    return f"sr:{{{shard}}}:lost:{holder}"


def index(shard: int, kind: str, bucket: str) -> str:
    return f"sr:{{{shard}}}:{kind}:{bucket}"


def stats(shard: int) -> list[str]:
    return [f"sr:{{{shard}}}:tallies", f"sr:{{{shard}}}:buckets", due(shard)]
