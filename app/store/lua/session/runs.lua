-- RUNS

local function deadline_of_run()
  local max_at = max_run_at()
  return math.min(tonumber(session.lease_at), max_at, tonumber(run.grace_at or max_at))
end

local has_user_message, enter_run, grant
do

local function owners_of(messages)
  local owners, known = {}, {}
  for _, m in ipairs(messages) do
    if m.owns == '1' and not known[m.sender] then
      known[m.sender] = true
      owners[#owners + 1] = m.sender
    end
  end
  return table.concat(owners, '\n')
end

-- The fence of the run that had one of these messages before, or empty.
local function had_before(messages)
  for _, m in ipairs(messages) do
    if m.granted ~= '' then return m.granted end
  end
  return ''
end

function has_user_message(messages)
  for _, m in ipairs(messages) do
    if m.kind == 'user' then return true end
  end
  return false
end

function enter_run(messages, fence)
  for _, m in ipairs(messages) do
    m.granted, m.granted_at, m.offered = fence, now, ''
    write_home(m, 'in_run', '')
    count('in_run', m.place, 1)
  end
end

-- `by` is the home of the message whose admission granted it, if one did: only that one's
-- repeat is given the grant again. `ended_run` is the one whose end hands over, if one does.
function grant(messages, consumer, settings, by, ended_run)
  local fence, first_line, last_line = next_number(), told_to(read_context(settings))
  local before, lease_at = had_before(messages), now + settings.lease_ms
  local max_at = now + settings.max_run_ms
  run = {fence = fence, consumer = consumer, session_id = session.id, started_at = text(now),
    max_at = text(max_at), owners = owners_of(messages),
    lease_ms = text(settings.lease_ms), grace_ms = text(settings.grace_ms or 0),
    back_from = before, sent_before = sent_before(before, ended_run), context_from = first_line,
    context = last_line, place = messages[1].place,
    omitted = session.omitted or '0', by = by or '', isolation = settings.isolation}
  put('run', run)
  enter_run(messages, fence)
  write_batch(messages)
  put('fence', fence)
  put('lease_at', text(lease_at))
  put('over_at', text(math.min(lease_at, max_at)))
  drop('debounce_at')
  count('granted', run.place, 1)
  note('granted', '', consumer, '', fence)
end

end

local signal
do

local NEWS_KEPT_MS = 3600000

-- What a holder should know at once: stored first, then said. A publication is a hint; who
-- missed it reads `news`.
function signal(holder)
  if redis.call('ZADD', key.news, text(now), holder) == 1 then
    redis.call('ZREMRANGEBYSCORE', key.news, '-inf', text(now - NEWS_KEPT_MS))
  end
  redis.call('PUBLISH', 'sr:signals', SHARD .. ' ' .. holder)
end

end

-- Asks the holder to stop: signalled now, lost at the end of the grace. A stop or a reset
-- also says how the batch ends: what was stopped never runs again.
local function ask_to_stop(cause, user_id, message_id, ends)
  local request = {}
  if not run.interrupt_at then
    request.interrupt_at = text(now)
    local grace_ms = tonumber(run.grace_ms)
    if grace_ms > 0 then request.grace_at = text(now + grace_ms) end
  end
  if ends or not run.interrupt_at then
    request.interrupt_cause, request.interrupt_user = cause, user_id
    request.interrupt_message = message_id
  end
  if ends then request.ends = ends end
  if not next(request) then return end
  put_run(request)
  put('over_at', text(deadline_of_run()))
  signal(run.consumer)
end

local end_run
do

local LOST_MAX = 100
local LOST_KEPT_SECONDS = 3600

local function is_lost(how)
  return how == 'lease_expired' or how == 'max_run' or how == 'grace' or how == 'forced'
end

-- A holder that is away learns of its lost runs when it comes back.
local function tell_lost(ended_run, how)
  local lost = at('lost', ended_run.consumer)
  redis.call('RPUSH', lost, cmsgpack.pack({name, ended_run.fence, how}))
  redis.call('LTRIM', lost, -LOST_MAX, -1)
  redis.call('EXPIRE', lost, LOST_KEPT_SECONDS)
  signal(ended_run.consumer)
  tell('lease_lost', SHARD, name, text(now), how, ended_run.consumer, ended_run.fence)
end

-- Where the batch of each way to end goes: done, back uncounted, or back counted.
local GOES = {completed = 'done', interrupted = 'done', requeued = 'back', released = 'back',
  grace = 'back', forced = 'back', failed = 'counted', lease_expired = 'counted',
  max_run = 'counted'}

local function place_batch(messages, ended_run, how, settings)
  local goes = GOES[how]
  -- A sealed run is not asked to stop: what is pending says it.
  local ends = ended_run.ends or session.reset_pending and 'reset'
  local unconfirmed = ended_run.sealed and is_lost(how) and not settings.resend_unconfirmed
  if ended_run.ends == 'session_deleted' then unconfirmed = false end
  if unconfirmed then
    finish_batch(messages, 'delivery_unknown', settings)
  elseif ends and how ~= 'completed' then
    for _, m in ipairs(messages) do end_as_removed(m, ends, settings.dedupe_ms) end
  elseif goes == 'done' then
    finish_batch(messages, how, settings)
  else
    return_batch(messages, how, goes == 'counted', settings)
  end
end

-- What was omitted has been told once a run that carried it completes.
local function forget_omitted(ended_run)
  local left = number('omitted') - tonumber(ended_run.omitted)
  if left > 0 then
    redis.call('LTRIM', key.omitted, -math.min(left, OMITTED_MAX), -1)
    return put('omitted', text(left))
  end
  redis.call('DEL', key.omitted)
  drop('omitted')
end

-- Runs by how they ended and how long they took, for a histogram: each in the first of these
-- bounds that it kept within.
local RUN_SECONDS = {1, 5, 15, 60, 300, 900, 3600}

local function tally_end(ended_run, how, ended_at)
  local took_ms = math.max(ended_at - tonumber(ended_run.started_at), 0)
  local within = 'longer'
  for i = #RUN_SECONDS, 1, -1 do
    if took_ms <= RUN_SECONDS[i] * 1000 then within = RUN_SECONDS[i] end
  end
  tally('ended_' .. how, 1)
  tally('run_ms', took_ms)
  tally('run_within_' .. within, 1)
end

-- Ends the active run in one of the ways of GOES, at `ended_at` if not now, and gives back
-- what it was.
function end_run(how, settings, ended_at)
  local ended_run, messages = run, read_batch()
  drop_value(key.batch)
  for _, m in ipairs(messages) do count('in_run', m.place, -1) end
  for _, field in ipairs({'fence', 'lease_at', 'over_at', 'run'}) do drop(field) end
  run = nil
  note('ended', how, ended_run.consumer, '', ended_run.fence)
  tally_end(ended_run, how, ended_at or now)
  if is_lost(how) then tell_lost(ended_run, how) end
  place_batch(messages, ended_run, how, settings)
  if how == 'completed' then
    if ended_run.omitted ~= '0' then forget_omitted(ended_run) end
    if ended_run.context then forget_told(tonumber(ended_run.context), settings) end
  end
  if session.reset_pending then
    new_generation(session.reset_pending)
  elseif how == 'completed' then
    if session.data and session.new then forget_previous_data() end
    for _, field in ipairs({'new', 'previous_id', 'reset_reason'}) do drop(field) end
  end
  if has_user_message(messages) then renew_idle_clock(settings, ended_at or now) end
  return ended_run
end

end

-- Why a call on a run is refused, or nil: a lease is over at its deadline, swept or not (I6).
local function refusal_of_holder(fence_of_id, fence)
  local is_active = session.fence == fence_of_id
  if not is_active then return read_end(fence_of_id) and 'lease_lost' or 'unknown' end
  if fence ~= fence_of_id or now >= tonumber(session.over_at) then return 'lease_lost' end
end

-- A grant may be given again while its holder has made no call on it.
local function is_untouched(fence)
  return session.fence == fence and not run.touched and now < tonumber(session.over_at)
end

local function cause_of_end()
  local over_at = tonumber(session.over_at)
  if over_at == tonumber(session.lease_at) then return 'lease_expired' end
  return over_at == max_run_at() and 'max_run' or 'grace'
end

-- What has run out is over, swept or not. Gives back the ids that expired.
local function settle()
  if passed('over_at') then
    local settings, over_at, cause = stored_settings(), number('over_at'), cause_of_end()
    remember_end(end_run(cause, settings, over_at), cause, '', '', settings)
    if cause ~= 'grace' then delay_retry(over_at, settings) end
  end
  reset_if_due()
  if passed('retry_at') then drop('retry_at') end
  if passed('debounce_at') then drop('debounce_at') end
  if passed('group_at') then drop('group_at') end
  return passed('expire_at') and expire_waiting(stored_settings()) or {}
end
