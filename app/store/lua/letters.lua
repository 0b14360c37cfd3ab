#!lua flags=no-writes
-- Dead letters by the homes of their messages; those that are gone are left out.
--
-- KEYS  1 the letters
-- ARGV  homes
--
-- Replies
--   letters, (home, died at, session key, seq, id, counted returns, accepted at, text, body,
--                            prompt that it answered), ...

local letters = {'letters'}
for _, home in ipairs(ARGV) do
  local packed = redis.call('HGET', KEYS[1], home)
  if packed then
    local letter = cmsgpack.unpack(packed)
    local m = cmsgpack.unpack(letter[3])
    letters[#letters + 1] = {home, letter[2], letter[1], m[1], m[2], m[10], m[11],
      m[17], m[18], m[22] or ''}
  end
end
return letters
