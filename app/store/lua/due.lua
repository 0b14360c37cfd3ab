#!lua flags=no-writes
-- The sessions of a shard whose deadline has passed, the longest overdue first.
--
-- KEYS  1 due
-- ARGV  1 now_us  2 most
--
-- Replies
--   due, milliseconds until the next deadline (empty: none), session key, ...

local time = redis.call('TIME')
local now = ARGV[1] ~= '' and math.floor(ARGV[1] / 1000)
  or time[1] * 1000 + math.floor(time[2] / 1000)
local due = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', now, 'LIMIT', 0, ARGV[2])
local following = redis.call('ZRANGEBYSCORE', KEYS[1], '(' .. string.format('%.0f', now), '+inf',
  'WITHSCORES', 'LIMIT', 0, 1)
table.insert(due, 1, 'due')
table.insert(due, 2, following[2] and following[2] - now or '')
return due
