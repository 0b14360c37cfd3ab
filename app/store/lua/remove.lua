#!lua flags=allow-oom
-- Removes one waiting message. Guarantees: it ends as removed, in the same step in which it
-- leaves the queue (I2); a message in a run stays there.
--
-- KEYS  1-3 keys.session_keys
-- ARGV  1 now_us  2 who  3 fence that was seen (empty: any)  4 session id likewise  5 seq
--
-- Replies
--   changed
--   unchanged                no message with this seq waits, or not what was seen
--   unknown                  no such session

local refusal = open_for_operator('remove', ARGV[2], ARGV[3], ARGV[4])
if refusal then return refusal end
for _, m in ipairs(read_messages(key.queue, 0, -1)) do
  if text(m.seq) == ARGV[5] then
    remove_waiting(m, 'operator', stored_settings().dedupe_ms)
    note('removed', 'operator', ARGV[2], m.id)
    return leave_changed(m.id)
  end
end
return leave_unchanged()
