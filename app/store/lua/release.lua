#!lua flags=allow-oom
-- An operator takes the lease from its holder. Guarantees: the old fence is refused from
-- then on (I6) and the next one is larger (I1); batch and queue stay, uncounted.
--
-- KEYS  1-3 keys.session_keys
-- ARGV  1 now_us  2 who  3 fence that was seen (empty: any)  4 session id likewise
--
-- Replies
--   changed
--   unchanged                nothing runs, or not what was seen
--   unknown                  no such session

local refusal = open_for_operator('release', ARGV[2], ARGV[3], ARGV[4])
if refusal then return refusal end
if not session.fence then return leave_unchanged() end
note('release_asked', 'operator', ARGV[2], '', session.fence)
local settings = stored_settings()
remember_end(end_run('forced', settings), 'forced', '', '', settings)
return leave_changed()
