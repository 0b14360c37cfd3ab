#!lua flags=no-writes
-- What a holder should know of the runs it has in this shard, and of those it lost there.
--
-- KEYS  1 the consumer's runs  2 the runs it lost
-- ARGV  1 now_us
--
-- Replies
--   outstanding, (session key, fence, INTERRUPT, offered, ...), (session key, fence, how, ...)

local runs, lost = {}, {}
for _, session_key in ipairs(redis.call('HKEYS', KEYS[1])) do
  turn_to(session_key)
  if run and now < tonumber(session.over_at) then
    for _, part in ipairs({session_key, session.fence, interrupt_section(), offered_section()}) do
      runs[#runs + 1] = part
    end
  end
end
for _, packed in ipairs(redis.call('LRANGE', KEYS[2], 0, -1)) do
  for _, part in ipairs(cmsgpack.unpack(packed)) do lost[#lost + 1] = part end
end
return {'outstanding', runs, lost}
