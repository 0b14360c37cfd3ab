-- MEETING: what a message does to a run that is active.

local function owns_run()
  for owner in string.gmatch(run.owners, '[^\n]+') do
    if owner == given.sender then return true end
  end
  return run.owners == '' and participants()[given.sender] ~= nil
end

local meet_run, refusal_of_answer
do

local BATCH_WITH_STEERS_MAX = 1000
local STRENGTH = {interrupt = 3, steer = 2, queue = 1, reject = 0}

local function relation_to_run()
  if given.is_moderator then return 'same_sender' end
  return given.sender ~= '' and run.owners == given.sender and 'same_sender' or 'other_sender'
end

-- A message's own mode: any for the sole owner, for others only a weaker one.
local function busy_mode(relation)
  local mode, own = settings['busy_' .. relation], given.busy
  if own ~= '' and (relation == 'same_sender' or STRENGTH[own] < STRENGTH[mode]) then mode = own end
  if given.is_bot and mode ~= 'reject' then return 'queue' end
  if mode ~= 'steer' then return mode end
  if given.place ~= run.place then return 'queue' end
  if #read_batch() >= BATCH_WITH_STEERS_MAX then return 'queue' end
  return mode
end

-- A listed id is one of the run's own platform, as sent or as the person's first, or an identity.
local function is_listed()
  local is_near = platform_of(given.place) == platform_of(run.place)
  local first_id = string.match(given.sender, '[:/]([^:/]*)$')
  for _, user in ipairs(cjson.decode(run.prompt_users)) do
    if user == given.sender then return true end
    if is_near and (user == given.user_id or user == first_id) then return true end
  end
  return false
end

-- Who may answer what the active run asks; a bot only where it is named.
local function may_answer()
  if run.prompt_from == 'listed' then return is_listed() end
  if given.is_bot then return false end
  return run.prompt_from == 'anyone' or (given.sender ~= '' and owns_run())
end

function refusal_of_answer()
  if given.answers == '' then return nil end
  if not session.fence or not is_asking() then return 'prompt_gone' end
  if run.prompt ~= given.answers then return 'prompt_gone' end
  return not may_answer() and 'not_owner' or nil
end

local function chat_of_place(of) return string.match(of, '^(.*):') end

-- With `answers`, as a reply to the prompt, or as plain text on its route.
local function is_answer()
  if given.kind ~= 'user' or not is_asking() or not may_answer() then return false end
  if session.depth + #read_batch() >= BATCH_WITH_STEERS_MAX then return false end
  if given.answers ~= '' then return true end
  if given.reply_to ~= '' then
    return given.reply_to == run.prompt_reply_to
      and chat_of_place(given.place) == chat_of_place(run.place)
  end
  return given.busy == '' and given.place == run.place
end

local function run_has_sibling()
  if given.group == '' then return false end
  for _, m in ipairs(read_batch()) do
    if is_part_of(m, given) then return true end
  end
  return false
end

function meet_run()
  if is_answer() then return wait('answer', 'asking', {in_front = true}) end
  if run.sealed then return wait('queue', 'run_sealed') end
  if run.held then return wait('queue', 'run_held') end
  if given.kind == 'internal' then return wait('queue', 'internal') end
  if run_has_sibling() then return wait('queue', 'group') end
  local relation = relation_to_run()
  local mode, reason = busy_mode(relation), relation .. '_active'
  if mode == 'reject' then return refuse('busy_reject') end
  if mode == 'queue' then return wait('queue', reason) end
  if mode == 'steer' and run.interrupt_at then
    return wait('queue', 'interrupt_pending', {in_front = true})
  end
  return wait(mode, reason, {in_front = true})
end

end
