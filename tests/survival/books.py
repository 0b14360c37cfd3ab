"""What must hold of every session in a store: nothing strands (I5), sums agree (I2)."""

from collections import Counter
from typing import Any

from app.routing.keys import SessionKey
from app.store import keys
from tests.packed import unpack_map

Redis = Any  # redis-py gives bytes or texts, as its client was made; these are texts


def assert_nothing_strands(redis: Redis, now_ms: int) -> None:
    """Whatever waits has a run, is ready, or has a stored deadline (I5)."""
    for name, record in sessions(redis).items():
        waits = redis.llen(f"sr:{{0}}:queue:{name}")
        due = redis.zscore(keys.due(0), name)
        if "fence" in record:
            deadline = min(float(record["over_at"]), float(record.get("expire_at", "inf")))
            assert due is not None, f"{name} runs without a deadline"
            assert due <= deadline, f"{name} is looked at too late"
        elif waits and "paused" not in record:
            holds = [
                float(record[field]) for field in ("retry_at", "debounce_at") if field in record
            ]
            if not holds:
                assert redis.zscore(f"sr:{{0}}:ready:{record['ready']}", name) is not None
                assert redis.sismember(keys.ready_sets(0), record["ready"])
            else:
                assert due is not None, f"{name} is stranded"
                assert due <= min(holds), f"{name} is looked at too late"
        elif not waits and "paused" not in record:
            bucket = keys.bucket_of(SessionKey(name))
            assert redis.zscore(keys.index(0, "sessions", bucket), name) is not None
            assert redis.sismember("sr:{0}:buckets", bucket), f"{name} is never retired"
            assert {"last_at", "keep_ms"} <= record.keys(), f"{name} is retired at once"
    assert_no_debt(redis, now_ms)


def assert_no_debt(redis: Redis, now_ms: int) -> None:
    """Nothing is filed as due, ready or active that is not a session."""
    known = set(sessions(redis))
    for name in redis.zrange(keys.due(0), 0, -1):
        assert name in known, f"{name} is due and gone"
    for ready_set in redis.smembers(keys.ready_sets(0)):
        members = redis.zrange(f"sr:{{0}}:ready:{ready_set}", 0, -1, withscores=True)
        assert members, f"{ready_set} is empty"
        assert {name for name, _ in members} <= known
        assert all(since <= now_ms for _, since in members)


def sessions(redis: Redis) -> dict[str, dict[str, Any]]:
    prefix = "sr:{0}:session:"
    names = [key.removeprefix(prefix) for key in redis.scan_iter(f"{prefix}*", count=1000)]
    return {name: unpack_map(_bytes_of(redis, prefix + name)) for name in names}


def _bytes_of(redis: Redis, key: str) -> bytes:
    found: bytes = redis.execute_command("GET", key, NEVER_DECODE=True)
    return found


def messages(redis: Redis) -> Counter[str]:
    """Messages by state over the whole store; `accepted` is the sum of the others (I2)."""
    counted: Counter[str] = Counter()
    for name in redis.scan_iter("sr:{0}:counts:*"):
        counted.update(unpack_map(_bytes_of(redis, name)))
    del counted["granted"]
    assert counted["accepted"] == counted.total() - counted["accepted"], counted
    return +counted


def traces_of(redis: Redis, session: str) -> set[str]:
    """Kinds of the keys and indexes that still name a session."""
    prefix = "sr:{0}:"
    kinds = {key.removeprefix(prefix) for key in redis.scan_iter(f"{prefix}*:{session}")}
    for key in redis.scan_iter("sr:{0}:*", _type="zset"):
        if redis.zscore(key, session) is not None:
            kinds.add(key)
    for key in redis.scan_iter("sr:{0}:*", _type="set"):
        if redis.sismember(key, session):
            kinds.add(key)
    return kinds


def calls_of(redis: Redis) -> Counter[str]:
    """Commands that clients and scripts have run, by name, since the last reset."""
    stats: dict[str, Any] = redis.info("commandstats")
    return Counter({name.removeprefix("cmdstat_"): row["calls"] for name, row in stats.items()})
