#!lua flags=no-writes
-- Tells the session whose run posted a message.
--
-- KEYS  1 the post
-- ARGV  none
--
-- Replies
--   posted, session key
--   unknown

local session = redis.call('GET', KEYS[1])
if session then return {'posted', session} end
return {'unknown'}
