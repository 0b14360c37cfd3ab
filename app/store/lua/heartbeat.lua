#!lua flags=allow-oom
-- Renews the lease of an active run, notes what its holder reports and has seen, and tells
-- it what it should know. Guarantees: a stale holder changes nothing and is told so (I6);
-- repeated, it only renews again.
--
-- KEYS  1-3 keys.session_keys
-- ARGV  1 now_us  2 fence of the run's id  3 fence of the body  4 status (empty: as it was)
--       5 usage (JSON, empty: as it was)  6 context tokens  7 context limit (empty likewise)
--       8 data (JSON, empty: as it was)  9 hold (1, 0, or empty: as it was)  10 how many posts
--       11 ... an id and its digest for each post ('' where replies join nothing), then ids of
--       the steers and answers that its holder has seen
--
-- Replies
--   renewed, over_at, sealed, INTERRUPT, offered
--   lease_lost               the run has ended, or the fence is not its
--   unknown                  no such run here

read_session()
local refusal = refusal_of_holder(ARGV[2], ARGV[3])
if refusal then return {refusal} end
note_report(ARGV[4], ARGV[5], ARGV[6], ARGV[7])
keep_data(ARGV[8])
if ARGV[9] == '1' then put_run({held = '1'}) end
if ARGV[9] == '0' then drop_run({'held'}) end
note_seen(note_posts(ARGV, 10))
put('lease_at', text(now + tonumber(run.lease_ms)))
put('over_at', text(deadline_of_run()))
save()
return {'renewed', session.over_at, run.sealed or '', interrupt_section(), offered_section()}
