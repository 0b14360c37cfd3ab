#!lua flags=no-writes
-- The last events of a session, oldest first.
--
-- KEYS  1 the session  2 its timeline
-- ARGV  none
--
-- Replies
--   timeline, (at, event, reason, by, message id, fence), ...
--   unknown

if redis.call('EXISTS', KEYS[1]) == 0 then return {'unknown'} end
local events = redis.call('LRANGE', KEYS[2], -50, -1)
for i, packed in ipairs(events) do events[i] = cmsgpack.unpack(packed) end
table.insert(events, 1, 'timeline')
return events
