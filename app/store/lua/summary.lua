#!lua flags=no-writes
-- One line about a session, for lists.
--
-- KEYS  1-26 keys.SESSION_KEYS
-- ARGV  1 now_us
--
-- Replies
--   summary, state, SESSION, waiting, oldest waiting at, fence, holder, started_at,
--     lease_at, last_at
--   unknown

read_session()
if not session.id then return {'unknown'} end
return {'summary', state_before, session_section(), session.depth, oldest_waiting_at() or '',
  session.fence or '', run and run.consumer or '', run and run.started_at or '',
  session.lease_at or '', session.last_at or ''}
