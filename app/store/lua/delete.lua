#!lua flags=allow-oom
-- Deletes a session. Guarantees: what waits or runs ends as removed (I2), the run is fenced
-- out (I6), accepted ids stay known (I4), and a later session under this key gets larger
-- fences (I1).
--
-- KEYS  1-3 keys.session_keys
-- ARGV  1 now_us  2 who  3 fence that was seen (empty: any)  4 session id likewise
--
-- Replies
--   changed
--   unchanged                not what was seen
--   unknown                  no such session

local refusal = open_for_operator('delete', ARGV[2], ARGV[3], ARGV[4])
if refusal then return refusal end
local settings = stored_settings()
if session.fence then
  run.ends = 'session_deleted'
  remember_end(end_run('forced', settings), 'forced', '', '', settings)
end
for _, m in ipairs(read_messages(key.queue, 0, -1)) do
  remove_waiting(m, 'session_deleted', settings.dedupe_ms)
end
drop('paused')
local done = leave_changed()
forget_session()
return done
