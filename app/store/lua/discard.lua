#!lua flags=allow-oom
-- Deletes a dead letter. Guarantees: it ends as removed (I2); repeated, it finds it gone.
--
-- KEYS  1-24 keys.SESSION_KEYS
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
forget_letter(m)
local settings = cjson.decode(redis.call('HGET', key.settings, letter[4]))
write_home(m, 'removed', 'discarded', settings.dedupe_ms)
count('removed', m.place, 1)
if session.id then
  add('removed', 1)
  note('removed', 'discarded', ARGV[2], m.id)
  save()
end
keep_action(ARGV[2], 'discard', 'changed', m.id)
return {'changed'}
