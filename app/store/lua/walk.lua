#!lua flags=allow-oom
-- Finds sessions that have been idle for long enough. They have no deadline: a walk comes by all
-- sessions of a shard, bucket by bucket and by key, round after round. Guarantees: however many
-- routers walk, it is one walk, at one pace; a session that stays is met once a round.
--
-- KEYS  1 walk  2 never there: see keys.walk
-- ARGV  1 now_us  2 sessions a second, and the most of one call
--
-- Replies
--   idle, session key, ...

local TAG = string.match(KEYS[1], '^sr:{[^}]*}:')
local time = redis.call('TIME')
local now = ARGV[1] ~= '' and math.floor(ARGV[1] / 1000)
  or time[1] * 1000 + math.floor(time[2] / 1000)
local most = tonumber(ARGV[2])
local walk = redis.call('HMGET', KEYS[1], 'bucket', 'session', 'at')
local begun_in, begun_behind, walked_at = walk[1] or '', walk[2] or '', walk[3] or 0
local bucket, session
local left = math.max(1, math.min(most, math.ceil((now - walked_at) * most / 1000)))
local found = {'idle'}

local function is_over(packed)
  local record = cmsgpack.unpack(packed)
  if record.paused or record.fence or record.depth then return false end
  return (record.last_at or 0) + (record.keep_ms or 0) <= now
end

local function look(looked_in, from, to)
  local names = redis.call('ZRANGEBYLEX', TAG .. 'sessions:' .. looked_in, from, to, 'LIMIT', 0, left)
  if #names == 0 then return end
  local records = {}
  for i, name in ipairs(names) do records[i] = TAG .. 'session:' .. name end
  for i, packed in ipairs(redis.call('MGET', unpack(records))) do
    if packed and is_over(packed) then found[#found + 1] = names[i] end
  end
  bucket, session, left = looked_in, names[#names], left - #names
end

local buckets, first = redis.call('SMEMBERS', TAG .. 'buckets'), 1
table.sort(buckets)
for i, name in ipairs(buckets) do
  if name == begun_in then first = i end
end
for i = 0, #buckets do  -- where it begins it comes by twice: behind that session, and up to it
  if #buckets == 0 or left == 0 then break end
  local here = buckets[(first - 1 + i) % #buckets + 1]
  local from = i == 0 and here == begun_in and '(' .. begun_behind or '-'
  look(here, from, i == #buckets and '[' .. begun_behind or '+')
end
if bucket then
  redis.call('HSET', KEYS[1], 'bucket', bucket, 'session', session, 'at', string.format('%.0f', now))
end
return found
