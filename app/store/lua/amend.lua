#!lua flags=allow-oom
-- Edits or deletes a message that still waits. Guarantees: what a run has is not touched,
-- an offered steer can be amended until it is seen; repeated, it finds its work done.
--
-- KEYS  1-3 keys.session_keys
-- ARGV  1 now_us  2 home  3 action (text or delete)  4 text  5 the text's part of a print
--
-- Replies
--   elsewhere, session key   another session has this id: ask there
--   updated
--   unchanged                it reads so already, by this edit done before if a run has or had it
--   removed                  by this call or before
--   already_delivered        a run has or had it
--   unknown                  no message with this id was accepted here

local known = read_home(ARGV[2])
if known and known.session ~= name then return {'elsewhere', known.session} end
if not known or not known.state or known.state == 'control' then return {'unknown'} end
read_session()
if session.id then
  settle()
  known = read_home(ARGV[2])
end

if known.state ~= 'waiting' then
  if session.id then save() end
  if known.state == 'removed' then return {'removed'} end
  local is_done = ARGV[3] == 'text' and string.sub(known.amended, -#ARGV[5]) == ARGV[5]
  return {is_done and 'unchanged' or 'already_delivered'}
end
local _, m = position_of(ARGV[2])
if ARGV[3] == 'delete' then
  remove_waiting(m, 'deleted', stored_settings().dedupe_ms)
  note('removed', 'deleted', '', m.id)
  save()
  return {'removed'}
end
if m.text == ARGV[4] then
  save()
  return {'unchanged'}
end
local packed = m.packed
-- The sender's part of the print stays, the text's is new.
m.text, m.amended = ARGV[4], string.sub(m.print, 1, -#ARGV[5] - 1) .. ARGV[5]
redis.call('LINSERT', key.queue, 'BEFORE', packed, pack_message(m))
redis.call('LREM', key.queue, 1, packed)
queue_head = nil
m.since = known.since_after >= 0 and known.accepted_at + known.since_after or nil
write_home(m, 'waiting', known.reason)
note('amended', '', '', m.id)
save()
return {'updated'}
