#!lua flags=allow-oom
-- A router says that it is there, which consumers called it, and whether somebody listens to
-- the live feed on it. Guarantees: what was not said again for long enough is forgotten.
--
-- KEYS  1 routers  2 consumers  3 heard
-- ARGV  1 now_us  2 the router (JSON)  3 milliseconds it is known  4 somebody listens (1) or
--       nobody (empty)  5 milliseconds that counts  6 milliseconds consumers are known
--       7 consumers kept  8 ... consumers, each as JSON
--
-- Replies
--   announced, heard         1 if somebody listens on any router, or empty

local time = redis.call('TIME')
local now = ARGV[1] ~= '' and math.floor(ARGV[1] / 1000)
  or time[1] * 1000 + math.floor(time[2] / 1000)

local function forget_before(seen, kept_ms)
  redis.call('ZREMRANGEBYSCORE', seen, '-inf', '(' .. string.format('%.0f', now - kept_ms))
end

redis.call('ZADD', KEYS[1], now, ARGV[2])
forget_before(KEYS[1], ARGV[3])
for i = 8, #ARGV do redis.call('ZADD', KEYS[2], now, ARGV[i]) end
forget_before(KEYS[2], ARGV[6])
redis.call('ZREMRANGEBYRANK', KEYS[2], 0, -1 - ARGV[7])
if ARGV[4] == '1' then redis.call('SET', KEYS[3], '1', 'PX', ARGV[5]) end
return {'announced', redis.call('EXISTS', KEYS[3]) == 1 and '1' or ''}
