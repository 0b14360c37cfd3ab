#!lua flags=no-writes
-- Tells how a run stands, or how it ended.
--
-- KEYS  1-3 keys.session_keys
-- ARGV  1 now_us  2 fence
--
-- Replies
--   active, RUNNING
--   over, RUNNING, cause     its deadline has passed, nobody has settled it yet
--   ended, ended, outcome, reason, ended_at, consumer, session_id, started_at, owners, status, sealed,
--         sent ids
--   unknown

read_session()
if session.fence == ARGV[2] then
  if now < tonumber(session.over_at) then return {'active', running_section()} end
  return {'over', running_section(), cause_of_end()}
end
local ended = read_end(ARGV[2])
if not ended then return {'unknown'} end
return {'ended', ended.ended, ended.outcome, ended.reason, ended.ended_at, ended.consumer,
  ended.session_id, ended.started_at, ended.owners, ended.status, ended.sealed,
  ended.sent or {}}
