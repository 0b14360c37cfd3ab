#!lua flags=allow-oom
-- Ends a run as its holder says, places its batch by the outcome, and hands the next batch
-- over in the same step. Guarantees: a stale holder changes nothing (I6); nothing is lost
-- between the end of one run and the start of the next (I2, I5); repeated after a lost
-- answer, it answers the same and does its work once (I4).
--
-- KEYS  1-17 keys.SESSION_KEYS
-- ARGV  1 now_us  2 fence of the run's id  3 fence of the body  4 outcome  5 reason
--       6 next (1: grant the next run)  7 usage (JSON or empty)  8 context tokens
--       9 context limit (empty: as it was)
--
-- Replies
--   completed, SESSION, RUN  the next run; on a repeat only while nobody has called on it
--   lease_lost               the run has ended otherwise, or the fence is not its
--   unknown                  no such run here

local outcome, reason = ARGV[4], ARGV[5]

local function reply(next_run) return {'completed', session_section(), next_run or false} end

local function repeat_answer(ended)
  if ended.ended then return {'lease_lost'} end
  if ended.next_fence == '' or not is_untouched(ended.next_fence) then return reply() end
  return reply(run_section(read_messages(key.batch, 0, -1)))
end

local function place_batch(messages, settings)
  if outcome == 'failed' or outcome == 'released' then
    return_batch(messages, outcome, outcome == 'failed', settings)
  else
    finish_batch(messages, outcome, settings)
  end
end

local function settle_outcome(settings)
  if outcome == 'failed' then return delay_retry(now, settings) end
  if outcome == 'released' then return end
  drop('fails')
  if outcome ~= 'completed' then return end
  for _, field in ipairs({'new', 'previous_id', 'reset_reason'}) do drop(field) end
end

-- Another account's head is not this holder's to run: it becomes ready for a claim.
local function next_batch(ended_run, settings)
  if ARGV[6] ~= '1' or session.depth == 0 or session.retry_at or session.paused then return end
  local head = read_messages(key.queue, 0, 0)[1]
  if account_of(head.place) ~= ended_run.account then return end
  return take_batch(settings)
end

read_session()
local ended = session.fence ~= ARGV[2] and ARGV[2] == ARGV[3] and read_end(ARGV[2])
if ended then return repeat_answer(ended) end
local refusal = refusal_of_holder(ARGV[2], ARGV[3])
if refusal then return {refusal} end

local settings, ended_run = stored_settings(), run
note_report('', ARGV[7], ARGV[8], ARGV[9])
local messages = end_run()
place_batch(messages, settings)
settle_outcome(settings)
put('last_at', text(now))
local batch = next_batch(ended_run, settings)
if batch then grant(batch, ended_run.consumer, settings) end
remember_end(ended_run, '', outcome, reason, batch and session.fence or '', settings)
save()
return reply(batch and run_section(batch))
