#!lua
-- Puts a dead letter back to the end of its session's queue, counted anew. Guarantees: it is
-- never both dead and waiting (I2); repeated, it finds the letter gone.
--
-- KEYS  1-3 keys.session_keys
-- ARGV  1 now_us  2 who  3 home of the message
--
-- Replies
--   changed
--   unchanged                no such dead letter

local packed = redis.call('HGET', key.letters, ARGV[3])
if not packed then return {'unchanged'} end
local letter = cmsgpack.unpack(packed)
local m = unpack_message(letter[3])
read_session()
if not session.id then
  put('id', new_session_id())
  put('new', '1')
  put('settings', letter[4])
  put('place', m.place)
  put('keep_ms', text(stored_settings().session_ttl_ms))
end
forget_letter(m, letter[5])
put('last_at', text(now))
add('seq', 1)
m.seq, m.returns, m.offered, m.expires_at = number('seq'), 0, '', 0
if session.depth > 0 then put('jumped', '1') end  -- it may be older than the head
write_home(m, 'waiting', 'redriven')
push_back(m)
note('redriven', '', ARGV[2], m.id)
save()
keep_action(ARGV[2], 'redrive', 'changed', m.id)
return {'changed'}
