#!lua flags=allow-oom
-- Deletes a dead letter. Guarantees: it ends as removed (I2); repeated, it finds it gone.
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
local is_own = forget_letter(m, letter[5])
local settings = settings_named(letter[4]).decoded
write_home(m, 'removed', 'discarded', settings.dedupe_ms)
count('removed', m.place, 1)
if session.id then
  if is_own then add('removed', 1) end
  note('removed', 'discarded', ARGV[2], m.id)
  save()
else
  write_figures()
  write_values()
end
keep_action(ARGV[2], 'discard', 'changed', m.id)
return {'changed'}
