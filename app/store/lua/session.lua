#!lua flags=no-writes
-- Shows one session whole, in one moment: record, run, queue, batch, counters.
--
-- KEYS  1-17 keys.SESSION_KEYS
-- ARGV  1 now_us
--
-- Replies
--   session, state, SESSION, RUNNING, queue, batch, retry_at, counters, last_at
--   unknown

local function sections_of(list)
  local messages = read_messages(list, 0, -1)
  for i, m in ipairs(messages) do messages[i] = message_section(m) end
  return messages
end

read_session()
if not session.id then return {'unknown'} end
local queue, batch = sections_of(key.queue), sections_of(key.batch)
return {'session', state_before, session_section(), running_section(), queue, batch,
  session.retry_at or '', {session.seq, #queue, #batch, number('done'), number('dead'),
  number('removed')}, session.last_at or ''}
