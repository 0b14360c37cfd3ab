"""The naive way: FastAPI, redis-py's `Lock` and a list; what one writes in an afternoon.

It decides in several awaited steps under a lock of the session. A process that dies between them
leaves what it had written; there is no fence, so a holder that lost its lease is not told.
"""

import os
from typing import Annotated
from uuid import uuid4

from fastapi import FastAPI, Header, HTTPException
from pydantic import BaseModel, JsonValue
from redis.asyncio import Redis

TOKEN = os.environ["BENCH_TOKEN"]
LEASE_SECONDS = 300
DEDUPE_SECONDS = 86_400
LOCK_SECONDS = 5

app = FastAPI()
redis = Redis.from_url(os.environ["BENCH_REDIS_URL"], decode_responses=True)


class Source(BaseModel):
    platform: str
    scope: str | None = None
    chat_type: str
    chat_id: str
    user_id: str
    user_name: str | None = None


class Message(BaseModel):
    message_id: str
    consumer: str
    text: str
    source: Source
    payload: JsonValue = None


class Decision(BaseModel):
    decision: str
    session: str
    run: str | None = None


@app.post("/v1/messages")
async def admit(message: Message, authorization: Annotated[str, Header()] = "") -> Decision:
    if authorization != f"Bearer {TOKEN}":
        raise HTTPException(401)
    source = message.source
    session = f"{source.platform}:{source.chat_type}:{source.chat_id}:{source.user_id}"
    async with redis.lock(f"lock:{session}", timeout=LOCK_SECONDS):
        seen = f"seen:{source.platform}:{source.chat_id}:{message.message_id}"
        if not await redis.set(seen, "1", nx=True, ex=DEDUPE_SECONDS):
            return Decision(decision="duplicate", session=session)
        if await redis.exists(f"run:{session}"):
            await redis.rpush(f"queue:{session}", message.model_dump_json())
            return Decision(decision="queue", session=session)
        run = uuid4().hex
        await redis.set(f"run:{session}", run, ex=LEASE_SECONDS)
    return Decision(decision="run", session=session, run=run)
