-- RUNS

local function deadline_of_run()
  local max_at = tonumber(run.max_at)
  return math.min(tonumber(session.lease_at), max_at, tonumber(run.grace_at or max_at))
end

local function grant(messages, consumer, settings)
  local fence = next_number()
  local owners, known, back_from = {}, {}, ''
  for _, m in ipairs(messages) do
    if m.owns == '1' and not known[m.sender] then
      known[m.sender] = true
      owners[#owners + 1] = m.sender
    end
    if back_from == '' then back_from = m.granted end
    m.granted, m.granted_at = fence, now
    write_home(m, 'in_run', '')
    count('in_run', m.place, 1)
  end
  redis.call('RPUSH', key.batch, unpack(pack_all(messages, 1, #messages, 1)))
  run = {fence = fence, consumer = consumer, session_id = session.id, started_at = text(now),
    max_at = text(now + settings.max_run_ms), owners = table.concat(owners, '\n'),
    lease_ms = text(settings.lease_ms), grace_ms = text(settings.grace_ms or 0),
    back_from = back_from, account = account_of(messages[1].place)}
  local flat = {}
  for field, value in pairs(run) do flat[#flat + 1] = field flat[#flat + 1] = value end
  redis.call('HSET', key.run, unpack(flat))
  redis.call('HSET', at('consumer', consumer), NAME, fence)
  put('fence', fence)
  put('lease_at', text(now + settings.lease_ms))
  put('over_at', text(deadline_of_run()))
end

-- Ends the active run; its batch is the caller's to place.
local function end_run()
  local messages = read_messages(key.batch, 0, -1)
  redis.call('DEL', key.batch, key.run)
  redis.call('HDEL', at('consumer', run.consumer), NAME)
  for _, m in ipairs(messages) do
    m.granted_at = tonumber(run.started_at)
    count('in_run', m.place, -1)
  end
  for _, field in ipairs({'fence', 'lease_at', 'over_at'}) do drop(field) end
  return messages
end

-- What a repeated call and the next holder of the batch are told of an ended run: `outcome`
-- if its holder ended it, else why it ended.
local function remember_end(ended_run, ended, outcome, reason, next_fence, settings)
  local packed = cmsgpack.pack({NAME, ended, outcome, reason, next_fence, now,
    ended_run.consumer, ended_run.session_id, tonumber(ended_run.started_at), ended_run.owners,
    ended_run.status or ''})
  redis.call('SET', at('ended', ended_run.fence), packed, 'PX', settings.dedupe_ms)
end

local function read_end(fence)
  if fence == '' then return nil end
  local packed = redis.call('GET', at('ended', fence))
  if not packed then return nil end
  local f = cmsgpack.unpack(packed)
  if f[1] ~= NAME then return nil end
  return {ended = f[2] ~= '' and f[2] or nil, outcome = f[3], reason = f[4], next_fence = f[5],
    ended_at = f[6], consumer = f[7], session_id = f[8], started_at = f[9], owners = f[10],
    status = f[11]}
end

local function finish_batch(messages, reason, settings)
  for _, m in ipairs(messages) do
    write_home(m, 'done', reason, settings.dedupe_ms)
    count('done', m.place, 1)
  end
  add('done', #messages)
end

local function bury(m)
  redis.call('HSET', key.dead, m.home, cmsgpack.pack({NAME, now, pack_message(m)}))
  write_home(m, 'dead', 'max_deliveries')
  count('dead', m.place, 1)
  add('dead', 1)
end

-- A batch that returns stands in front of everything, in its old order (I3).
local function return_batch(messages, reason, counted, settings)
  local kept = {}
  for _, m in ipairs(messages) do
    if counted then m.returns = m.returns + 1 end
    if m.returns >= settings.max_deliveries then bury(m) else kept[#kept + 1] = m end
  end
  if #kept == 0 then return end
  redis.call('LPUSH', key.queue, unpack(pack_all(kept, #kept, 1, -1)))
  for _, m in ipairs(kept) do
    queue_changed(m, 1)
    write_home(m, 'waiting', reason)
  end
end

-- A failure holds the whole session, twice as long each time in a row.
local function delay_retry(since, settings)
  if settings.retry_delay_ms == 0 then return end
  local doublings = math.min(number('fails'), RETRY_DOUBLINGS_MAX)
  put('retry_at', text(since + settings.retry_delay_ms * 2 ^ doublings))
  add('fails', 1)
end

local function cause_of_end()
  local over_at = tonumber(session.over_at)
  if over_at == tonumber(session.lease_at) then return 'lease_expired' end
  return over_at == tonumber(run.max_at) and 'max_run' or 'grace'
end

-- What has run out is over, swept or not.
local function settle()
  if session.fence and now >= tonumber(session.over_at) then
    local settings, over_at, cause = stored_settings(), tonumber(session.over_at), cause_of_end()
    local ended_run = run
    local messages = end_run()
    remember_end(ended_run, cause, '', '', '', settings)
    return_batch(messages, cause, cause ~= 'grace', settings)
    if cause ~= 'grace' then delay_retry(over_at, settings) end
  end
  if session.retry_at and now >= tonumber(session.retry_at) then drop('retry_at') end
end

-- Why a call on a run is refused, or nil: a lease is over at its deadline, swept or not (I6).
local function refusal_of_holder(fence_of_id, fence)
  local active = session.fence == fence_of_id
  if not active then return read_end(fence_of_id) and 'lease_lost' or 'unknown' end
  if fence ~= fence_of_id or now >= tonumber(session.over_at) then return 'lease_lost' end
end

-- What the holder reports; after its first call a grant is not given a second time.
local function note_report(status, usage, tokens, limit)
  run.touched = '1'
  local report = {touched = '1'}
  if status ~= '' then report.status = status end
  if usage ~= '' then report.usage = usage end
  for field, value in pairs(report) do redis.call('HSET', key.run, field, value) end
  if tokens ~= '' then put('tokens', tokens) end
  if limit ~= '' then put('limit', limit) end
end
