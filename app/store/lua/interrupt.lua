#!lua flags=allow-oom
-- An operator asks the active run to stop. Guarantees: done once, however often it is
-- called; the holder is told by its next heartbeat.
--
-- KEYS  1-3 keys.session_keys
-- ARGV  1 now_us  2 who  3 fence that was seen (empty: any)  4 session id likewise
--
-- Replies
--   changed
--   unchanged                nothing runs, it was asked before or is sealed, or is not
--                            what was seen
--   unknown                  no such session

local refusal = open_for_operator('interrupt', ARGV[2], ARGV[3], ARGV[4])
if refusal then return refusal end
if not session.fence or run.interrupt_at or run.sealed then return leave_unchanged() end
ask_to_stop('operator', '', '')
note('stop_asked', 'operator', ARGV[2], '', session.fence)
return leave_changed()
