#!lua flags=no-writes
-- The policies that are kept, the one in force first.
--
-- KEYS  1 current  2 versions
-- ARGV  1 all (1) or only the one in force (empty)
--
-- Replies
--   policies, (revision, at, who, policy), ...

local policies = {'policies'}
if ARGV[1] == '1' then
  for _, packed in ipairs(redis.call('LRANGE', KEYS[2], 0, -1)) do
    policies[#policies + 1] = cmsgpack.unpack(packed)
  end
else
  local packed = redis.call('GET', KEYS[1])
  if packed then policies[2] = cmsgpack.unpack(packed) end
end
return policies
