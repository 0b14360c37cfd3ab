#!lua flags=no-writes
-- Lists the runs that a consumer holds in this shard.
--
-- KEYS  1 the consumer's runs
-- ARGV  none
--
-- Replies
--   held, session key, fence, session key, fence, ...

local held = redis.call('HGETALL', KEYS[1])
table.insert(held, 1, 'held')
return held
