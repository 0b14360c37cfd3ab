#!lua flags=no-writes
-- One line about a session, for lists.
--
-- KEYS  1-26 keys.SESSION_KEYS
-- ARGV  1 now_us
--
-- Replies
--   summary, state, SESSION, waiting, oldest waiting at, holder, lease_at, last_at
--   unknown

read_session()
if not session.id then return {'unknown'} end
return {'summary', state_before, session_section(), session.depth, oldest_waiting_at() or '',
  run and run.consumer or '', session.lease_at or '', session.last_at or ''}
