#!lua flags=no-writes
-- What a chat remembers of its conversations, and where the message is that is replied to.
--
-- KEYS  1 the memory  2 home of the message replied to  3 the same id as a post of a run (both
--       absent: not a reply)
-- ARGV  1 now_us
--
-- Replies
--   memory, now_ms, version (0: none yet), text, session key of the message replied to

local time = redis.call('TIME')
local now = ARGV[1] ~= '' and math.floor(ARGV[1] / 1000)
  or time[1] * 1000 + math.floor(time[2] / 1000)
local packed = redis.call('GET', KEYS[1])
local memory = packed and cmsgpack.unpack(packed) or {0, ''}
local home = KEYS[2] and redis.call('GET', KEYS[2])
local posted = KEYS[3] and redis.call('GET', KEYS[3])
local replied_in = home and cmsgpack.unpack(home)[1] or posted or ''
return {'memory', now, memory[1], memory[2], replied_in}
