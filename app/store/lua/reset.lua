#!lua flags=allow-oom
-- An operator starts a new generation of a session: at once if nothing runs, else when the
-- run has ended, whose batch then never runs again. Guarantees: what waits stays, and
-- belongs to the new id; done once for the session id that was seen.
--
-- KEYS  1-3 keys.session_keys
-- ARGV  1 now_us  2 who  3 fence that was seen (empty: any)  4 session id likewise
--
-- Replies
--   changed
--   unchanged                a reset is pending already, or this is not what was seen
--   unknown                  no such session

local refusal = open_for_operator('reset', ARGV[2], ARGV[3], ARGV[4])
if refusal then return refusal end
if session.reset_pending then return leave_unchanged() end
note('reset_asked', 'operator', ARGV[2], '', session.fence)
if session.fence then
  put('reset_pending', 'operator')
  if not run.sealed then ask_to_stop('reset', '', '', 'reset') end
else
  new_generation('operator')
end
return leave_changed()
