#!lua
-- Sets the home of an id in its chat's shard, where the session lives in another one.
-- Guarantees: the first to come decides which session is asked; a repeat changes nothing.
--
-- KEYS  1 the home
-- ARGV  1 session key  2 milliseconds it lives
--
-- Replies
--   home, session key        the session that this id's message belongs to

local packed = redis.call('GET', KEYS[1])
if packed then return {'home', cmsgpack.unpack(packed)[1]} end
redis.call('SET', KEYS[1], cmsgpack.pack({ARGV[1]}), 'PX', ARGV[2])
return {'home', ARGV[1]}
