#!lua flags=no-writes
-- A line about each of some sessions of one shard, for lists.
--
-- KEYS  1-3 keys.session_keys, of the first of them
-- ARGV  1 now_us  2 ... sessions
--
-- Replies
--   summaries, (state, SESSION, waiting, oldest waiting at, fence, holder, started_at, lease_at,
--     last_at), ... or for a session that is gone nothing in the brackets

local summaries = {'summaries'}
for i = 2, #ARGV do
  turn_to(ARGV[i])
  summaries[i] = session.id and {state_before, session_section(), session.depth,
    oldest_waiting_at() or '', session.fence or '', run and run.consumer or '',
    run and run.started_at or '', session.lease_at or '', session.last_at or ''} or {}
end
return summaries
