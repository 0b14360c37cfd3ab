"""Faults to be planted in the scripts: each a patch of one place, found by its text.

The table that names them stands in `test_planted_faults.py`.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import pytest

from app.store import scripts
from app.store.scripts import LUA

BODY = scripts.LIBRARY.body


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
    for text, where in ((LUA / fault.file).read_text("utf-8"), fault.file), (BODY, "all"):
        found = text.count(fault.place)
        assert found == 1, f"{fault.name}: {fault.place!r} stands {found} times in {where}"
    with pytest.MonkeyPatch.context() as patch:
        slipped = BODY.replace(fault.place, fault.slip)
        patch.setattr(scripts, "LIBRARY", scripts.library_of(slipped))
        yield


FAULTS = (
    Fault(
        "batch forgotten at takeover",
        "session/returns.lua",
        "if #kept == 0 then return end",
        "if #kept == 0 or reason == 'lease_expired' then return end",
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
        "if given.control == 'stop' then return stop() end",
        "local marked = {name, 'waiting', 'queue', given.print, '', '', '', now, 0, 0}\n"
        "redis.call('SET', at('id', given.home), cmsgpack.pack(marked))\n"
        "if given.control == 'stop' then return stop() end",
    ),
    Fault(
        "fence counter restarted",
        "session/values.lua",
        "text(math.max(last + 1, now_us))",
        "text(now_us)",
    ),
    Fault(
        "seen steer taken out and not stored",
        "session/reports.lua",
        "if #joined > 0 then join_batch(joined) end",
        "",
    ),
    Fault(
        "run given again to another consumer",
        "admit/incoming.lua",
        "run and run.by == given.home and run.consumer == given.holder",
        "run and run.by == given.home",
    ),
    Fault(
        "interrupt leaves its sender's messages where they are",
        "session/queue.lua",
        "if may_wait(m) then\n    local messages",
        "if false then\n    local messages",
    ),
    Fault(
        "counted return not counted",
        "session/returns.lua",
        "if counted then m.returns = m.returns + 1 end",
        "",
    ),
    Fault(
        "queue limit off by one",
        "admit/limits.lua",
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
    Fault(
        "answer not offered",
        "admit/storing.lua",
        "if decision == 'steer' or decision == 'answer' then offer_to_run(m) end",
        "if decision == 'steer' then offer_to_run(m) end",
    ),
    Fault(
        "anybody answers what the owners are asked",
        "admit/meeting.lua",
        "return run.prompt_from == 'anyone' or (given.sender ~= '' and owns_run())",
        "return true",
    ),
    Fault(
        "hand-over ignores an open burst",
        "complete.lua",
        "if open_head_until() then return end",
        "",
    ),
    Fault(
        "part of a burst interrupts the run of its siblings",
        "admit/meeting.lua",
        "if run_has_sibling() then return wait('queue', 'group') end",
        "",
    ),
    Fault(
        "context forgotten whatever becomes of the run",
        "session/runs.lua",
        "place_batch(messages, ended_run, how, settings)\n  if how",
        "place_batch(messages, ended_run, how, settings)\n"
        "  if ended_run.context then forget_told(tonumber(ended_run.context), settings) end\n"
        "  if how",
    ),
    Fault(
        "time that a run asks counted",
        "session/prompts.lua",
        "if not run.prompt then return max_at end",
        "if true then return max_at end",
    ),
    Fault(
        "held run interrupted",
        "admit/meeting.lua",
        "if run.held then return wait('queue', 'run_held') end",
        "",
    ),
    Fault(
        "sealed batch repeated when the lease ends",
        "session/runs.lua",
        "local unconfirmed = ended_run.sealed and is_lost(how)",
        "local unconfirmed = ended_run.sealed and how == 'forced'",
    ),
    Fault(
        "job reports into a session that was reset",
        "admit/incoming.lua",
        "(session.id ~= given.session_id or session.reset_pending)",
        "not session.id",
    ),
)
