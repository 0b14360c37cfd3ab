#!lua flags=no-writes
-- One shard's figures, all of one moment (I2).
--
-- KEYS  1 tallies  2 buckets  3 due
-- ARGV  1 now_us
--
-- Replies
--   stats, now_ms, tallies (word, number, ...), counts (bucket, (state, number, ...), ...), buckets (name, sessions, running,
--   waiting, paused, oldest waiting at or empty, ...), first deadline or empty

local TAG = string.match(KEYS[1], '^sr:{[^}]*}:')
local time = redis.call('TIME')
local now_ms = ARGV[1] ~= '' and math.floor(ARGV[1] / 1000)
  or time[1] * 1000 + math.floor(time[2] / 1000)
local function figures_in(key)
  local packed, figures = redis.call('GET', key), {}
  for what, number in pairs(packed and cmsgpack.unpack(packed) or {}) do
    figures[#figures + 1] = what
    figures[#figures + 1] = number
  end
  return figures
end

local counts, buckets = {}, {}
for _, name in ipairs(redis.call('SMEMBERS', KEYS[2])) do
  counts[#counts + 1] = name
  counts[#counts + 1] = figures_in(TAG .. 'counts:' .. name)
  buckets[#buckets + 1] = name
  for _, index in ipairs({'sessions', 'running', 'waiting', 'paused'}) do
    buckets[#buckets + 1] = redis.call('ZCARD', TAG .. index .. ':' .. name)
  end
  local oldest = redis.call('ZRANGE', TAG .. 'backlog:' .. name, 0, 0, 'WITHSCORES')[2]
  buckets[#buckets + 1] = oldest or ''
end
local first_due = redis.call('ZRANGE', KEYS[3], 0, 0, 'WITHSCORES')[2] or ''
return {'stats', now_ms, figures_in(KEYS[1]), counts, buckets, first_due}
