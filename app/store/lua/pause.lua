#!lua flags=allow-oom
-- A person takes a session over, or gives it back. Guarantees: while paused everything
-- waits and nothing is granted; an active run ends by itself.
--
-- KEYS  1-3 keys.session_keys
-- ARGV  1 now_us  2 who  3 fence that was seen (empty: any)  4 session id likewise
--       5 paused (1) or resumed (empty)
--
-- Replies
--   changed
--   unchanged                it is so already, or not what was seen
--   unknown                  no such session

local refusal = open_for_operator(ARGV[5] == '1' and 'pause' or 'resume', ARGV[2], ARGV[3], ARGV[4])
if refusal then return refusal end
if (session.paused == '1') == (ARGV[5] == '1') then return leave_unchanged() end
if ARGV[5] == '1' then
  put('paused', '1')
  note('paused', '', ARGV[2])
else
  drop('paused')
  note('resumed', '', ARGV[2])
end
return leave_changed()
