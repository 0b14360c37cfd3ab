#!lua
-- Tells which of a person's ids stands in keys: the one that was seen first; teaches the
-- others. Guarantees: an id that is known is never taught anew.
--
-- KEYS  1 alias_places  2 ... the alias records, in the order of the ids
-- ARGV  1 now_us  2 the place  3 milliseconds they live from last use
--       4 teach (1) or only look (empty)  5 ... the ids
--
-- Replies
--   person, id

local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000000 + tonumber(time[2])
local known, first_at
for i = 2, #KEYS do
  local packed = redis.call('GET', KEYS[i])
  local record = packed and cmsgpack.unpack(packed)
  if record and (not first_at or record[2] < first_at) then
    known, first_at = record[1], record[2]
  end
end
local person = known or ARGV[5]
if ARGV[4] == '' or (not known and #KEYS == 2) then return {'person', person} end
local packed = cmsgpack.pack({person, first_at or now})
for i = 2, #KEYS do
  if not redis.call('SET', KEYS[i], packed, 'NX', 'PX', ARGV[3]) then
    redis.call('PEXPIRE', KEYS[i], ARGV[3])
  end
end
redis.call('SADD', KEYS[1], ARGV[2])
return {'person', person}
