-- SESSION: its record is read once, changed by `put` and `drop`, written once by `save`; the
-- record of its run likewise, changed by `put_run`.

local session, changed, dropped, events
local run, run_changed
local state_before, deadline_before, fence_before, holder_before, backlog_changed
local context_packed, context_lines  -- nil: not read yet
local queue_head, people  -- nil: not read yet
local senders_changed
local sent_settings  -- id of those that the caller sent, and knows

local function forget_record()
  session, changed, dropped, events = {}, {}, {}, {}
  run, run_changed, queue_head, people, senders_changed = nil, {}, nil, nil, {}
  state_before, deadline_before, fence_before, holder_before, backlog_changed = nil, nil, nil, nil, nil
  context_packed, context_lines = nil, nil
end

-- Every script on a session begins with it.
local function begin(KEYS, ARGV)
  read_keys(KEYS, ARGV[1])
  forget_record()
  sent_settings, counted, last_number = nil, {}, nil
end

local function put(field, value)
  if session[field] == value then return end
  session[field] = value
  changed[field] = value
  dropped[field] = nil
end

local function drop(field)
  if session[field] == nil then return end
  session[field] = nil
  changed[field] = nil
  dropped[field] = true
end

local function put_run(fields)
  for field, value in pairs(fields) do
    if run[field] ~= value then run[field], run_changed[field] = value, value end
  end
end

local function drop_run(fields)
  redis.call('HDEL', key.run, unpack(fields))
  for _, field in ipairs(fields) do run[field], run_changed[field] = nil, nil end
end

local function number(field) return tonumber(session[field] or 0) end
local function add(field, by) put(field, text(number(field) + by)) end

-- The timeline: what happened, why, by whom; written by `save`.
local function note(event, reason, by, message_id, fence)
  events[#events + 1] = cjson.encode({text(now), event, reason or '', by or '',
    message_id or '', fence or ''})
  if #events > EVENTS_MAX then table.remove(events, 1) end
end

-- For the live feed: what a script alone knows. A hint: who missed it reads what is stored.
local function tell(...) redis.call('PUBLISH', 'sr:events', cjson.encode({...})) end

local function state_of()
  if not session.id then return nil end
  if session.paused then return 'paused' end
  if session.fence then return 'running' end
  return session.depth > 0 and 'waiting' or 'idle'
end

local function read_hash(hash)
  local flat, record = redis.call('HGETALL', hash), {}
  for i = 1, #flat, 2 do record[flat[i]] = flat[i + 1] end
  return record
end

-- When a sweep must look at the session (I5), or nil.
local function deadline_of(state)
  if state == 'idle' then return number('last_at') + number('keep_ms') end
  local deadline
  for _, field in ipairs({'over_at', 'retry_at', 'debounce_at', 'group_at', 'expire_at'}) do
    if session[field] then deadline = math.min(deadline or math.huge, number(field)) end
  end
  return deadline
end

local function read_session()
  session = read_hash(key.session)
  session.depth = tonumber(session.depth or 0)
  state_before = state_of()
  deadline_before = state_before and deadline_of(state_before)
  if session.fence then run = read_hash(key.run) end
  fence_before, holder_before = session.fence, run and run.consumer
end

-- How many messages wait: with `put`, a number.
local function put_depth(depth)
  session.depth = depth
  changed.depth = depth > 0 and text(depth) or nil
  dropped.depth = depth == 0 or nil
end

-- The people of the session as they are stored: who, to `seq JSON`.
local function participants()
  people = people or state_before and read_hash(key.participants) or {}
  return people
end

-- Another session of the same chat: the rest of the script works on that one. What was
-- changed in the one before must have been saved.
local function turn_to(other)
  name = other
  for _, kind in ipairs({'session', 'run', 'queue', 'batch', 'senders', 'participants',
    'omitted', 'timeline', 'context', 'data'}) do
    key[kind] = at(kind, other)
  end
  forget_record()
  read_session()
end

-- Settings are named by their content: what was decoded for one call is right for the next.
local known_settings, known_count = {}, 0

local function settings_named(id, sent)
  local known = known_settings[id]
  if known then return known end
  if known_count == SETTINGS_KNOWN_MAX then known_settings, known_count = {}, 0 end
  local json = sent or redis.call('HGET', key.settings, id)
  known = {json = json, decoded = cjson.decode(json)}
  known_settings[id], known_count = known, known_count + 1
  return known
end

-- A session keeps the settings of its last message.
local function stored_settings() return settings_named(session.settings).decoded end

local function new_session_id() return next_number() .. '-' .. SHARD end

-- The gateway's own JSON: what the old id had is shown until a run of the new one completes.
local function turn_data_over()
  local current = redis.call('HGET', key.data, 'current')
  redis.call('DEL', key.data)
  if not current then return drop('data') end
  redis.call('HSET', key.data, 'previous', current)
end

local function forget_previous_data()
  redis.call('HDEL', key.data, 'previous')
  if redis.call('EXISTS', key.data) == 0 then drop('data') end
end

local function keep_data(json)
  if json == '' then return end
  redis.call('HSET', key.data, 'current', json)
  put('data', '1')
end

-- A reset: another id under the same key, with nothing of the old history (section 6).
local function new_generation(reason)
  put('previous_id', session.id)
  put('reset_reason', reason)
  put('id', new_session_id())
  put('new', '1')
  for _, field in ipairs({'tokens', 'limit', 'reset_pending', 'idle_at'}) do
    drop(field)
  end
  redis.call('DEL', key.context)
  context_lines = {}
  if session.data then turn_data_over() end
  note('reset', reason)
end

local function passed(field) return session[field] and now >= tonumber(session[field]) end

-- `daily_at` holds the next moments at which a day begins, ascending, a space between.
local function daily_is_due()
  local first = session.daily_at and string.match(session.daily_at, '^%d+')
  return first and now >= tonumber(first)
end

local function keep_boundaries(boundaries)
  local later = {}
  for boundary in string.gmatch(boundaries, '%d+') do
    if tonumber(boundary) > now then later[#later + 1] = boundary end
  end
  if #later > 0 then put('daily_at', table.concat(later, ' ')) else drop('daily_at') end
end

-- The timers of the policy, looked at whenever something could be granted (section 6).
local function reset_if_due()
  if session.fence then return end
  if daily_is_due() then
    keep_boundaries(session.daily_at)
    return new_generation('daily')
  end
  if passed('idle_at') then new_generation('idle') end
end

-- Only user messages and the ends of their runs renew the idle clock.
local function renew_idle_clock(settings, at)
  if settings.reset_idle_ms then
    put('idle_at', text(at + settings.reset_idle_ms))
  else
    drop('idle_at')
  end
end
