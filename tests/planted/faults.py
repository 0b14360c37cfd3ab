"""Faults to be planted in the scripts: each a patch of one place, found by its text.

The table that names them stands in `test_planted_faults.py`.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import pytest

from app.store import scripts
from app.store.scripts import LUA


@dataclass(frozen=True)
class Fault:
    """What `place` of `file` would read if somebody had slipped there."""

    name: str
    file: str
    place: str
    slip: str


@contextmanager
def planted(fault: Fault) -> Iterator[None]:
    """Let the service use scripts with this fault in them."""
    found = (LUA / fault.file).read_text("utf-8").count(fault.place)
    assert found == 1, f"{fault.name}: {fault.place!r} stands {found} times in {fault.file}"
    with pytest.MonkeyPatch.context() as patch:
        slipped = scripts.LIBRARY.body.replace(fault.place, fault.slip)
        patch.setattr(scripts, "LIBRARY", scripts.library_of(slipped))
        yield


FAULTS = (
    Fault(
        "batch forgotten at takeover",
        "session/runs.lua",
        "push_all('LPUSH', key.queue, pack_all(line, #line, 1, -1))",
        "if reason ~= 'lease_expired' then\n"
        "    push_all('LPUSH', key.queue, pack_all(line, #line, 1, -1))\n"
        "  end",
    ),
    Fault(
        "stop forgotten when the lease ends",
        "session/runs.lua",
        "elseif ends and how ~= 'completed' then",
        "elseif ends and how ~= 'completed' and how ~= 'lease_expired' then",
    ),
    Fault(
        "hand-over ignores a pause",
        "complete.lua",
        "or session.retry_at or session.paused then return end",
        "or session.retry_at then return end",
    ),
    Fault(
        "stale fence believed",
        "session/runs.lua",
        "if fence ~= fence_of_id or now >= tonumber(session.over_at) then",
        "if now >= tonumber(session.over_at) then",
    ),
    Fault(
        "fence not checked on complete",
        "complete.lua",
        "return repeat_answer(ended) end\nlocal refusal = refusal_of_holder(ARGV[2], ARGV[3])",
        "return repeat_answer(ended) end\nlocal refusal = refusal_of_holder(ARGV[2], ARGV[2])",
    ),
    Fault(
        "released before the hand-over",
        "complete.lua",
        "local batch = next_batch(ended_run, settings)",
        "local batch = nil",
    ),
    Fault(
        "id marked as seen before it is stored",
        "admit.lua",
        "if ARGV[16] == 'stop' then return stop() end",
        "local marked = {name, 'waiting', 'queue', print, '', '', '', now, 0, 0}\n"
        "redis.call('SET', at('id', home), cmsgpack.pack(marked))\n"
        "if ARGV[16] == 'stop' then return stop() end",
    ),
    Fault(
        "fence counter restarted",
        "session/keys.lua",
        "text(math.max(last + 1, now_us))",
        "text(now_us)",
    ),
    Fault(
        "seen steer taken out and not stored",
        "session/reports.lua",
        "if #joined > 0 then join_batch(joined, session.fence) end",
        "",
    ),
    Fault(
        "run given again to another consumer",
        "admit.lua",
        "run and run.by == home and run.consumer == holder",
        "run and run.by == home",
    ),
    Fault(
        "interrupt leaves its sender's messages where they are",
        "session/queue.lua",
        "if session.depth > 0 then\n    local messages",
        "if false then\n    local messages",
    ),
    Fault(
        "counted return not counted",
        "session/runs.lua",
        "if counted then m.returns = m.returns + 1 end",
        "",
    ),
    Fault(
        "queue limit off by one",
        "admit.lua",
        "local limit = all >= settings.queue_max and",
        "local limit = all > settings.queue_max and",
    ),
    Fault(
        "last try not alone",
        "session/queue.lua",
        "local alone = has_last_try(line, i, last, settings)",
        "local alone = false",
    ),
    Fault(
        "whatever waits is offered as a steer",
        "session/replies.lua",
        "if m.offered == session.fence then\n      local section",
        "if true then\n      local section",
    ),
)
