#!lua
-- Sets the home of an id in its chat's shard, where the session lives in another one.
-- Guarantees: the first to come decides which session is asked; a repeat only renews it.
--
-- KEYS  1 the home  2 an early edit of the message  3 the binding of the thread that it was sent
--       in (may be absent)
-- ARGV  1 session key  2 milliseconds it lives
--
-- Replies
--   home, session key, action, text, print   the session that this id's message belongs to, and
--                            the early edit, each part empty: none

local packed, early = redis.call('GET', KEYS[1]), redis.call('GET', KEYS[2])
local action, text, print = unpack(early and cmsgpack.unpack(early) or {'', '', ''})
if packed then
  local home = cmsgpack.unpack(packed)
  if not home[2] then redis.call('PEXPIRE', KEYS[1], ARGV[2]) end
  return {'home', home[1], action, text, print}
end
local session = KEYS[3] and redis.call('GET', KEYS[3]) or ARGV[1]
redis.call('SET', KEYS[1], cmsgpack.pack({session}), 'PX', ARGV[2])
return {'home', session, action, text, print}
