#!lua flags=allow-oom
-- Ends a run as its holder says, places its batch by the outcome, and hands the next batch
-- over in the same step. Guarantees: a stale holder changes nothing (I6); nothing is lost
-- between the end of one run and the start of the next (I2, I5); repeated after a lost
-- answer, it answers the same and does its work once (I4).
--
-- KEYS  1-3 keys.session_keys
-- ARGV  1 now_us  2 fence of the run's id  3 fence of the body  4 outcome  5 requeue (1: put
--       an interrupted batch back)  6 reason  7 next (1: grant the next run)  8 usage (JSON or
--       empty)  9 context tokens  10 context limit (empty: as it was)  11 data (JSON, empty: as
--       it was)  12 how many posts
--       13 ... an id and its digest for each post ('' where replies join nothing), then ids of
--       the steers and answers that its holder has seen
--
-- Replies
--   completed, one text with SESSION (false: deleted since), RUN and the returned ids
--                            the next run; on a repeat only while nobody has called on it
--   lease_lost               the run has ended otherwise, or the fence is not its
--   unknown                  no such run here

local outcome = ARGV[4]

local function reply(next_run, returned)
  return {'completed', joined(session_section(), next_run or false, unless_empty(returned))}
end

local function repeat_answer(ended)
  if ended.ended ~= '' then return {'lease_lost'} end
  if ended.next_fence == '' or not is_untouched(ended.next_fence) then
    return reply(nil, ended.returned)
  end
  return reply(run_section(read_batch()), ended.returned)
end

local function settle_outcome(ended_run, settings)
  put('last_at', text(now))
  if outcome == 'failed' then return delay_retry(now, settings) end
  if outcome ~= 'released' then drop('fails') end
end

-- Another account's head is not this holder's to run: it becomes ready for a claim.
local function next_batch(ended_run, settings)
  if ARGV[7] ~= '1' or session.depth == 0 or session.retry_at or session.paused then return end
  if open_head_until() then return end
  if account_of(head_of_queue().place) ~= account_of(ended_run.place) then return end
  return take_batch(settings)
end

read_session_with(key.batch, key.participants, key.context, key.counts, key.tallies, key.fence)
local ended = session.fence ~= ARGV[2] and ARGV[2] == ARGV[3] and read_end(ARGV[2])
if ended then return repeat_answer(ended) end
local refusal = refusal_of_holder(ARGV[2], ARGV[3])
if refusal then return {refusal} end

local settings = stored_settings()
note_report('', ARGV[8], ARGV[9], ARGV[10])
keep_data(ARGV[11])
note_seen(note_posts(ARGV, 12))
local requeued = outcome == 'interrupted' and ARGV[5] == '1'
local ended_run = end_run(requeued and 'requeued' or outcome, settings)
settle_outcome(ended_run, settings)
if passed('expire_at') then expire_waiting(settings) end
local returned = ended_run.offers and unseen_offers(ARGV[2]) or {}
reset_if_due()
local batch = next_batch(ended_run, settings)
if batch then grant(batch, ended_run.consumer, settings, nil, ended_run) end
remember_end(ended_run, '', outcome, ARGV[6], settings, batch and session.fence, returned)
save()
return reply(batch and run_section(batch), returned)
