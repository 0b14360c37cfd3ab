-- SESSION: its record is read once, changed by `put` and `drop`, written once by `save`.

local FIELDS = {'id', 'seq', 'settings', 'fence', 'lease_at', 'over_at', 'retry_at', 'fails',
  'back', 'jumped', 'ready', 'new', 'tokens', 'limit', 'last_at', 'keep_ms', 'paused', 'done',
  'dead', 'removed', 'bots', 'bots_at', 'previous_id', 'reset_reason'}

local session, changed, dropped = {}, {}, {}
local run, state_before, backlog_changed

local function put(field, value)
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

local function number(field) return tonumber(session[field] or 0) end
local function add(field, by) put(field, text(number(field) + by)) end

local function state_of()
  if not session.id then return nil end
  if session.paused then return 'paused' end
  if session.fence then return 'running' end
  return session.depth > 0 and 'waiting' or 'idle'
end

local function read_hash(name)
  local flat, record = redis.call('HGETALL', name), {}
  for i = 1, #flat, 2 do record[flat[i]] = flat[i + 1] end
  return record
end

local function read_session()
  local values = redis.call('HMGET', key.session, unpack(FIELDS))
  for i, field in ipairs(FIELDS) do session[field] = values[i] or nil end
  session.depth = session.id and redis.call('LLEN', key.queue) or 0
  state_before = state_of()
  if session.fence then run = read_hash(key.run) end
end

-- A session keeps the settings of its last message.
local function stored_settings()
  return cjson.decode(redis.call('HGET', key.settings, session.settings))
end
