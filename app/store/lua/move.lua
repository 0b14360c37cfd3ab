#!lua
-- Notes under which id a moved chat is kept, or tells it. Guarantees: repeated, it changes
-- nothing.
--
-- KEYS  1 the mark of the chat's new id
-- ARGV  1 id that the chat is kept under (empty: only tell)  2 milliseconds the mark lives
--
-- Replies
--   kept, chat id            empty: the chat has not moved

if ARGV[1] ~= '' then
  redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
  return {'kept', ARGV[1]}
end
return {'kept', redis.call('GET', KEYS[1]) or ''}
