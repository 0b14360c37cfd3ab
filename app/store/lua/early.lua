#!lua
-- Tells where the message is that is edited or deleted, and keeps what came before its message
-- for a minute. Guarantees: of several edits the last counts, and a deletion stands.
--
-- KEYS  1 the home  2 the early edit
-- ARGV  1 action (text or delete)  2 text  3 the text's part of a print  4 milliseconds it is kept
--
-- Replies
--   found, session key       nothing is kept, but where the home is a pointer
--   kept

local packed = redis.call('GET', KEYS[1])
local home = packed and cmsgpack.unpack(packed)
if home and home[2] and home[2] ~= 'control' then return {'found', home[1]} end
local before = redis.call('GET', KEYS[2])
if not before or cmsgpack.unpack(before)[1] ~= 'delete' then
  redis.call('SET', KEYS[2], cmsgpack.pack({ARGV[1], ARGV[2], ARGV[3]}), 'PX', ARGV[4])
end
if home and not home[2] then return {'found', home[1]} end
return {'kept'}
