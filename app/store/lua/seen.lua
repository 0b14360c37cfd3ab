#!lua flags=no-writes
-- Who was seen lately, the latest first.
--
-- KEYS  1 routers or consumers
-- ARGV  1 now_us  2 milliseconds that count as lately  3 most
--
-- Replies
--   seen, member, milliseconds, ...

local time = redis.call('TIME')
local now = ARGV[1] ~= '' and math.floor(ARGV[1] / 1000)
  or time[1] * 1000 + math.floor(time[2] / 1000)
local seen = redis.call('ZREVRANGEBYSCORE', KEYS[1], '+inf', string.format('%.0f', now - ARGV[2]),
  'WITHSCORES', 'LIMIT', 0, ARGV[3])
table.insert(seen, 1, 'seen')
return seen
