#!lua flags=allow-oom
-- Grants the next run of a session that waits for nothing but a claim. Guarantees: one
-- claimer gets it (I1); repeated with its request id it gives the same run while nobody has
-- called on it (I4).
--
-- KEYS  1-3 keys.session_keys
-- ARGV  1 now_us  2 holder  3 request id (empty: none)  4 the ready set it was found in
--
-- Replies
--   granted, one text with SESSION and RUN
--   not_ready                somebody else has it, or its head is another account's

read_session_with(key.participants, key.context, key.counts, key.fence)
if not session.id then
  leave_ready_set(ARGV[4])
  return {'not_ready'}
end
settle()
if session.ready ~= ARGV[4] or ready_set(state_of()) ~= ARGV[4] then
  save()
  return {'not_ready'}
end
local settings = stored_settings()
local batch = take_batch(settings)
grant(batch, ARGV[2], settings)
if ARGV[3] ~= '' then put_run({claim = ARGV[3]}) end
save()
return {'granted', joined(session_section(), run_section(batch))}
