#!lua flags=allow-oom
-- Closes a run before its reply goes out. Guarantees: once sealed, nothing interrupts or
-- steers it, and what comes waits; a prompt is withdrawn; refused while something came first that its holder has
-- not seen; repeated, it answers the same. A stale holder changes nothing (I6).
--
-- KEYS  1-3 keys.session_keys
-- ARGV  1 now_us  2 fence of the run's id  3 fence of the body
--       4 ... ids of the steers and answers that its holder has seen
--
-- Replies
--   sealed
--   open, INTERRUPT, offered what came first
--   lease_lost               the run has ended, or the fence is not its
--   unknown                  no such run here

read_session()
local refusal = refusal_of_holder(ARGV[2], ARGV[3])
if refusal then return {refusal} end
note_report('', '', '', '')
note_seen({unpack(ARGV, 4)})
local offered = offered_section()
local is_open = run.interrupt_at or offered
if not is_open and not run.sealed then
  put_run({sealed = '1'})
  end_prompt()
  put('over_at', text(deadline_of_run()))
  note('sealed', '', run.consumer, '', session.fence)
end
save()
if is_open then return {'open', interrupt_section(), offered} end
return {'sealed'}
