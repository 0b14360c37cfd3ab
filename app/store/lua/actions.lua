#!lua flags=no-writes
-- A page of one list of actions, newest first.
--
-- KEYS  1 the actions
-- ARGV  1 the newest id that is wanted ('+': any; without its number, all of a millisecond)
--       2 most
--
-- Replies
--   page, id, action (JSON), ...

local page = {'page'}
for _, entry in ipairs(redis.call('XREVRANGE', KEYS[1], ARGV[1], '-', 'COUNT', ARGV[2])) do
  page[#page + 1] = entry[1]
  page[#page + 1] = entry[2][2]
end
return page
