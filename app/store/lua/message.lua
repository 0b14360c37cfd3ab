#!lua flags=no-writes
-- Tells what became of an accepted id.
--
-- KEYS  1 the home
-- ARGV  none
--
-- Replies
--   known, session key, state, decision, reason, fence, accepted_at, granted_at, since
--   pointer, session key     the record, if there is one, is in that session's shard
--   unknown                  also for the id of a control

local packed = redis.call('GET', KEYS[1])
if not packed then return {'unknown'} end
local f = cmsgpack.unpack(packed)
if f[2] == 'control' then return {'unknown'} end
if not f[2] then return {'pointer', f[1]} end
local function moment(after) return after >= 0 and f[8] + after or 0 end
return {'known', f[1], f[2], f[3], f[6], f[7], f[8], moment(f[9]), moment(f[10])}
