#!lua flags=no-writes
-- Gives a claimed run again, to the request that claimed it.
--
-- KEYS  1-3 keys.session_keys
-- ARGV  1 now_us  2 fence  3 request id
--
-- Replies
--   granted, one text with SESSION and RUN
--   claimed                  this request claimed it, and its holder has called on it since
--   other                    this request did not claim it

read_session()
if session.fence ~= ARGV[2] or run.claim ~= ARGV[3] then return {'other'} end
if not is_untouched(ARGV[2]) then return {'claimed'} end
return {'granted', joined(session_section(), run_section(read_batch()))}
