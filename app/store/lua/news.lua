#!lua flags=no-writes
-- Who was signalled in this shard since a moment.
--
-- KEYS  1 news
-- ARGV  1 since, in milliseconds of the store's clock (empty: nobody, only the time)
--
-- Replies
--   news, now_ms, holder, ...

local time = redis.call('TIME')
local news = ARGV[1] == '' and {} or redis.call('ZRANGEBYSCORE', KEYS[1], ARGV[1], '+inf')
table.insert(news, 1, 'news')
table.insert(news, 2, time[1] * 1000 + math.floor(time[2] / 1000))
return news
