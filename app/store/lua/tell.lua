#!lua flags=allow-oom
-- Tells those who watch what a router has answered. Guarantees: stores nothing.
--
-- KEYS  1 heard
-- ARGV  1 now_us  2 the answers (JSON)
--
-- Replies
--   told, heard              1 if somebody listens on any router, or empty

local time = redis.call('TIME')
local now = ARGV[1] ~= '' and math.floor(ARGV[1] / 1000)
  or time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('PUBLISH', 'sr:answers', string.format('%.0f', now) .. ' ' .. ARGV[2])
return {'told', redis.call('EXISTS', KEYS[1]) == 1 and '1' or ''}
