#!lua flags=no-writes
-- A page of one index: `sessions` by key, the others by time, oldest first.
--
-- KEYS  1 the index
-- ARGV  1 by (key or time)  2 from: '-', '[key' or '(key'; or milliseconds  3 most
--
-- Replies
--   page, member, milliseconds (0 by key), ...

local by_key = ARGV[1] == 'key'
local command, last = 'ZRANGEBYSCORE', '+inf'
if by_key then command, last = 'ZRANGEBYLEX', '+' end
local found = redis.call(command, KEYS[1], ARGV[2], last, 'LIMIT', 0, ARGV[3])
local page = {'page'}
for _, member in ipairs(found) do
  page[#page + 1] = member
  page[#page + 1] = by_key and 0 or redis.call('ZSCORE', KEYS[1], member)
end
return page
