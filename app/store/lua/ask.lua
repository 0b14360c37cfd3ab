#!lua flags=allow-oom
-- Lets the active run ask people, or withdraws what it asked. Guarantees: one prompt at a time,
-- a new one replaces the old; repeated, it lasts no longer; a stale holder changes nothing
-- (I6).
--
-- KEYS  1-3 keys.session_keys
-- ARGV  1 now_us  2 fence of the run's id  3 fence of the body  4 prompt id (empty: withdraw)
--       5 who may answer (owners, anyone, listed)  6 user ids (JSON)  7 id of the post that asks
--       (empty: none)  8 milliseconds it lives
--
-- Replies
--   asking, until_ms (empty: withdrawn)
--   sealed                   its reply may be out: nobody is asked any more
--   lease_lost               the run has ended, or the fence is not its
--   unknown                  no such run here

local function ask()
  local is_repeat = is_asking() and run.prompt == ARGV[4]
  if not is_repeat then end_prompt() end
  if ARGV[4] == '' then return note('prompt_withdrawn', '', run.consumer, '', session.fence) end
  local prompt = {prompt = ARGV[4], prompt_from = ARGV[5], prompt_users = ARGV[6],
    prompt_reply_to = ARGV[7]}
  if not is_repeat then
    prompt.prompt_until, prompt.asked_at = text(now + tonumber(ARGV[8])), text(now)
  end
  put_run(prompt)
  if not is_repeat then note('asked', ARGV[5], run.consumer, '', session.fence) end
end

read_session()
local refusal = refusal_of_holder(ARGV[2], ARGV[3])
if refusal then return {refusal} end
if run.sealed then return {'sealed'} end
note_report('', '', '', '')
ask()
put('over_at', text(deadline_of_run()))
save()
return {'asking', run.prompt_until or ''}
