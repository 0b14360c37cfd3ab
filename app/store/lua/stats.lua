#!lua flags=no-writes
-- One shard's figures, all of one moment (I2).
--
-- KEYS  1 stats  2 buckets  3 due
-- ARGV  1 now_us
--
-- Replies
--   stats, now_ms, counters (field, number, ...), buckets (name, sessions, running,
--   waiting, paused, oldest waiting at or empty, ...), first deadline or empty

local TAG = string.match(KEYS[1], '^sr:{[^}]*}:')
local time = redis.call('TIME')
local now_ms = ARGV[1] ~= '' and math.floor(ARGV[1] / 1000)
  or time[1] * 1000 + math.floor(time[2] / 1000)
local buckets = {}
for _, name in ipairs(redis.call('SMEMBERS', KEYS[2])) do
  buckets[#buckets + 1] = name
  for _, index in ipairs({'sessions', 'running', 'waiting', 'paused'}) do
    buckets[#buckets + 1] = redis.call('ZCARD', TAG .. index .. ':' .. name)
  end
  local oldest = redis.call('ZRANGE', TAG .. 'backlog:' .. name, 0, 0, 'WITHSCORES')[2]
  buckets[#buckets + 1] = oldest or ''
end
local first_due = redis.call('ZRANGE', KEYS[3], 0, 0, 'WITHSCORES')[2] or ''
return {'stats', now_ms, redis.call('HGETALL', KEYS[1]), buckets, first_due}
