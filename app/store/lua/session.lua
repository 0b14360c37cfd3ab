#!lua flags=no-writes
-- Shows one session whole, in one moment: record, run, queue, batch, counters.
--
-- KEYS  1-3 keys.session_keys
-- ARGV  1 now_us
--
-- Replies
--   session, state, SESSION, RUNNING, queue, batch, held_until, counters, last_at
--   unknown

read_session()
if not session.id then return {'unknown'} end
local queue, batch = read_messages(key.queue, 0, -1), read_batch()
return {'session', state_before, session_section(), running_section(), sections_of(queue),
  sections_of(batch), held_until() or '', {#queue, #batch, number('done'),
  number('dead'), number('removed')}, session.last_at or ''}
