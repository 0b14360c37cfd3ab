#!lua flags=no-writes
-- The sessions of a shard that wait for a claim, the longest-ready of each set, and those of
-- the named that are not among them.
--
-- KEYS  1 ready_sets
-- ARGV  1 most of each set  2 ... session keys
--
-- Replies
--   ready, (ready set, session key, since, ...), ...

local TAG = string.match(KEYS[1], '^sr:{[^}]*}:')
local found = {'ready'}
for _, set in ipairs(redis.call('SMEMBERS', KEYS[1])) do
  local sessions = redis.call('ZRANGE', TAG .. 'ready:' .. set, 0, ARGV[1] - 1, 'WITHSCORES')
  table.insert(sessions, 1, set)
  found[#found + 1] = sessions
end
for i = 2, #ARGV do
  local packed = redis.call('GET', TAG .. 'session:' .. ARGV[i])
  local set = packed and cmsgpack.unpack(packed).ready
  local since = set and redis.call('ZSCORE', TAG .. 'ready:' .. set, ARGV[i])
  if since then found[#found + 1] = {set, ARGV[i], since} end
end
return found
