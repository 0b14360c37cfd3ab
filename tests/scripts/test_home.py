"""`home.lua`: the first to come decides which session an id belongs to."""

from app.store import keys, scripts
from app.store.store_client import StoreClient
from tests.scripts.conftest import Open
from tests.sessions import ROOM, granted
from tests.state import Pointer

NO_EDIT = ("", "", "")
A, B = "agent:main:main", "agent:main:person:bob"


async def ask(client: StoreClient, session: str, digest: str = "digest") -> list[str]:
    homes = [keys.home(0, digest), keys.early(0, digest)]
    return await client.call(scripts.HOME, homes, session, 900_000)


async def test_the_first_session_stays_and_a_repeat_only_renews_it(sessions: Open) -> None:
    s = sessions()
    assert await ask(s.client, A) == ["home", A, *NO_EDIT]
    s.look()
    assert s.state == {"id:digest": Pointer(A, ttl=900)}
    s.redis.pexpire(keys.home(0, "digest"), 600_000)
    assert await ask(s.client, B) == ["home", A, *NO_EDIT]
    s.look()
    assert s.state == {"id:digest": Pointer(A, ttl=900)}


async def test_a_full_record_is_left_as_it_is(sessions: Open) -> None:
    s = sessions()
    await s.send("m1")
    (digest,) = s.names
    assert await ask(s.client, A, digest) == ["home", ROOM, *NO_EDIT]
    s.look()
    assert s.changed == {}


async def test_a_pointer_to_its_own_session_becomes_the_record(sessions: Open) -> None:
    s = sessions()
    await s.send("m1", chat_id="2")
    (digest,) = s.names
    session = "agent:main:discord:group:2"
    s.redis.flushall()
    await ask(s.client, session, digest)
    s.state = {}
    decision = await s.send("m1", chat_id="2")
    assert granted(decision).session_key == session
    assert s.state["id:agent:main:discord:2/m1"].state == "in_run"
