#!lua flags=no-writes
-- A page of one index: `sessions` by key, the others by time, oldest first. It ends where enough
-- was found, where enough was looked at, or at the end of the index.
--
-- KEYS  1 the index
-- ARGV  1 by (key or time)  2 from: '-', '[key' or '(key'; or milliseconds  3 most found
--       4 most looked at  5 what a participant of the session contains (empty: anything)
--       6 ... what a member contains, all of them
--
-- Replies
--   page, how many were looked at, the last of them and its milliseconds (0 by key),
--     member, milliseconds, ...

local TAG = string.match(KEYS[1], '^sr:{[^}]*}:')
local by_key = ARGV[1] == 'key'
local most_found, most_looked_at = tonumber(ARGV[3]), tonumber(ARGV[4])

local function has_participant(member)
  local packed = redis.call('GET', TAG .. 'participants:' .. member)
  for _, value in pairs(packed and cmsgpack.unpack(packed) or {}) do
    if string.find(value, ARGV[5], 1, true) then return true end
  end
  return false
end

local function is_wanted(member)
  for i = 6, #ARGV do
    if not string.find(member, ARGV[i], 1, true) then return false end
  end
  return ARGV[5] == '' or has_participant(member)
end

local found
if by_key then
  found = redis.call('ZRANGEBYLEX', KEYS[1], ARGV[2], '+', 'LIMIT', 0, most_looked_at)
else
  found = redis.call('ZRANGEBYSCORE', KEYS[1], ARGV[2], '+inf', 'WITHSCORES', 'LIMIT', 0,
    most_looked_at)
end
local step = by_key and 1 or 2
local page = {'page'}
page[2], page[3], page[4] = 0, '', 0
for i = 1, #found, step do
  local member, at = found[i], by_key and 0 or found[i + 1]
  page[2], page[3], page[4] = page[2] + 1, member, at
  if is_wanted(member) then
    page[#page + 1] = member
    page[#page + 1] = at
    if #page == 4 + 2 * most_found then break end
  end
end
return page
