#!lua flags=allow-oom
-- Renews the lease of an active run, notes what its holder reports and has seen, and tells
-- it what it should know. Guarantees: a stale holder changes nothing and is told so (I6);
-- repeated, it only renews again.
--
-- KEYS  1-24 keys.SESSION_KEYS
-- ARGV  1 now_us  2 fence of the run's id  3 fence of the body  4 status (empty: as it was)
--       5 usage (JSON, empty: as it was)  6 context tokens  7 context limit (empty likewise)
--       8 ... ids of the steers that its holder has seen
--
-- Replies
--   renewed, over_at, sealed, INTERRUPT, steers
--   lease_lost               the run has ended, or the fence is not its
--   unknown                  no such run here

read_session()
local refusal = refusal_of_holder(ARGV[2], ARGV[3])
if refusal then return {refusal} end
note_report(ARGV[4], ARGV[5], ARGV[6], ARGV[7])
note_seen({unpack(ARGV, 8)})
put('lease_at', text(now + tonumber(run.lease_ms)))
put('over_at', text(deadline_of_run()))
save()
return {'renewed', session.over_at, run.sealed or '', interrupt_section(), steer_section()}
