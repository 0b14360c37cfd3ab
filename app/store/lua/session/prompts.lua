-- PROMPTS: what the active run asks people. The time it asks does not count against
-- `max_run_seconds`.

local function is_asking() return run.prompt and now < tonumber(run.prompt_until) end

local function max_run_at()
  local max_at = tonumber(run.max_at)
  if not run.prompt then return max_at end
  return max_at + tonumber(run.prompt_until) - tonumber(run.asked_at)
end

local end_prompt
do

local PROMPT = {'prompt', 'prompt_from', 'prompt_users', 'prompt_reply_to', 'prompt_until',
  'asked_at'}

-- Takes the prompt back; what it took of the run's time is given to the run.
function end_prompt()
  if not run.prompt then return end
  local asked_until = math.min(now, tonumber(run.prompt_until))
  local max_at = text(tonumber(run.max_at) + asked_until - tonumber(run.asked_at))
  drop_run(PROMPT)
  put_run({max_at = max_at})
end

end
