#!lua flags=no-writes
-- A line about each of some sessions of one shard, for lists.
--
-- KEYS  1-26 keys.SESSION_KEYS, of the first of them
-- ARGV  1 now_us  2 ... sessions
--
-- Replies
--   summaries, (state, SESSION, waiting, oldest waiting at, holder, lease_at, last_at), ...
--     or for a session that is gone nothing in the brackets

local summaries = {'summaries'}
for i = 2, #ARGV do
  turn_to(ARGV[i])
  summaries[i] = session.id and {state_before, session_section(), session.depth,
    oldest_waiting_at() or '', run and run.consumer or '', session.lease_at or '',
    session.last_at or ''} or {}
end
return summaries
