"""The standard way: FastAPI with models in and out, pooled redis-py, one script a call.

A lean decision that is right: the session from the source, each id once, a lease with a fence, a
queue where it is busy; and the end of a run, which hands over to what waits.
"""

import os
from base64 import urlsafe_b64decode, urlsafe_b64encode
from hmac import compare_digest
from typing import Annotated, Literal
from uuid import uuid4

from fastapi import Depends, FastAPI, Header, HTTPException
from pydantic import BaseModel, ConfigDict, Field, JsonValue, TypeAdapter
from redis.asyncio import Redis

TOKEN = os.environ["BENCH_TOKEN"]
LEASE_SECONDS = 300
DEDUPE_SECONDS = 86_400
SESSION_SECONDS = 30 * 86_400

ADMIT = """
local seen, session, queue, fences = unpack(KEYS)
local message, consumer, new_id, lease_seconds, dedupe_seconds, keep_seconds = unpack(ARGV)
if not redis.call('SET', seen, session, 'NX', 'EX', dedupe_seconds) then return {'duplicate'} end
local now = tonumber(redis.call('TIME')[1])
local known = redis.call('HMGET', session, 'id', 'lease_until')
redis.call('RPUSH', queue, message)
if known[2] and tonumber(known[2]) > now then
  return {'queue', redis.call('LLEN', queue)}
end
local batch = redis.call('LRANGE', queue, 0, -1)
redis.call('DEL', queue)
local fence = redis.call('INCR', fences)
local id = known[1] or new_id
redis.call('HSET', session, 'id', id, 'fence', fence, 'consumer', consumer,
  'lease_until', now + lease_seconds)
redis.call('EXPIRE', session, keep_seconds)
return {'run', id, fence, known[1] and 0 or 1, batch}
"""

COMPLETE = """
local session, queue, fences = unpack(KEYS)
local fence, lease_seconds = unpack(ARGV)
local known = redis.call('HMGET', session, 'id', 'fence', 'lease_until')
local now = tonumber(redis.call('TIME')[1])
if known[2] ~= fence or not known[3] or tonumber(known[3]) <= now then return {'lease_lost'} end
local batch = redis.call('LRANGE', queue, 0, -1)
if #batch == 0 then
  redis.call('HDEL', session, 'consumer', 'lease_until')
  return {'completed'}
end
redis.call('DEL', queue)
local next = redis.call('INCR', fences)
redis.call('HSET', session, 'fence', next, 'lease_until', now + lease_seconds)
return {'next', known[1], next, 0, batch}
"""

app = FastAPI()
redis = Redis.from_url(os.environ["BENCH_REDIS_URL"], decode_responses=True)
admit_script = redis.register_script(ADMIT)
complete_script = redis.register_script(COMPLETE)


class Words(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Source(Words):
    platform: Annotated[str, Field(pattern=r"^[a-z0-9_-]{1,32}$")]
    scope: Annotated[str, Field(max_length=512)] | None = None
    chat_type: Literal["dm", "group", "channel", "forum", "thread"]
    chat_id: Annotated[str, Field(min_length=1, max_length=512)]
    user_id: Annotated[str, Field(min_length=1, max_length=512)]
    user_name: Annotated[str, Field(max_length=512)] | None = None


class Message(Words):
    message_id: Annotated[str, Field(min_length=1, max_length=512)]
    consumer: Annotated[str, Field(min_length=1, max_length=512)]
    text: Annotated[str, Field(max_length=160 * 1024)]
    source: Source
    payload: JsonValue = None


class Session(BaseModel):
    key: str
    id: str | None
    is_new: bool


class Run(BaseModel):
    id: str
    fence: int
    lease_seconds: int
    session_key: str
    messages: list[Message]


class Decision(BaseModel):
    decision: Literal["run", "queue", "duplicate"]
    session: Session
    run: Run | None = None
    depth: int | None = None


class End(Words):
    fence: int
    outcome: Literal["completed", "failed"]


class Completion(BaseModel):
    result: Literal["completed"] = "completed"
    next: Run | None = None


async def authenticated(authorization: Annotated[str, Header()] = "") -> None:
    if not compare_digest(authorization.encode(), f"Bearer {TOKEN}".encode()):
        raise HTTPException(401)


messages_of = TypeAdapter(list[Message])


def run_of(key: str, fence: int, batch: list[str]) -> Run:
    return Run(
        id=urlsafe_b64encode(key.encode()).decode(),
        fence=fence,
        lease_seconds=LEASE_SECONDS,
        session_key=key,
        messages=messages_of.validate_json(f"[{','.join(batch)}]"),
    )


@app.post("/v1/messages", dependencies=[Depends(authenticated)])
async def admit(message: Message) -> Decision:
    source = message.source
    chat = f"agent:main:{source.platform}:{source.chat_type}:{source.chat_id}"
    key = f"{chat}:{source.user_id}"
    keys = (f"seen:{chat}:{message.message_id}", f"session:{key}", f"queue:{key}", "fences")
    limits = (LEASE_SECONDS, DEDUPE_SECONDS, SESSION_SECONDS)
    arguments = (message.model_dump_json(), message.consumer, uuid4().hex, *limits)
    word, *rest = await admit_script(keys, arguments)
    if word == "duplicate":
        return Decision(decision="duplicate", session=Session(key=key, id=None, is_new=False))
    if word == "queue":
        session = Session(key=key, id=None, is_new=False)
        return Decision(decision="queue", session=session, depth=rest[0])
    session_id, fence, is_new, batch = rest
    session = Session(key=key, id=session_id, is_new=bool(is_new))
    return Decision(decision="run", session=session, run=run_of(key, fence, batch))


@app.post("/v1/runs/{run_id}/complete", dependencies=[Depends(authenticated)])
async def complete(run_id: str, end: End) -> Completion:
    key = urlsafe_b64decode(run_id).decode()
    keys = (f"session:{key}", f"queue:{key}", "fences")
    word, *rest = await complete_script(keys, (end.fence, LEASE_SECONDS))
    if word == "lease_lost":
        raise HTTPException(409, "lease_lost")
    if word == "completed":
        return Completion()
    _, fence, _, batch = rest
    return Completion(next=run_of(key, fence, batch))
