-- FILING: one index a state, the backlog of what waits, the ready sets of claims, and the
-- one deadline that a sweep must not miss (I5).

-- The head is the oldest, unless somebody jumped the queue.
local function oldest_waiting_at()
  local oldest
  for _, m in ipairs(read_messages(key.queue, 0, session.jumped and -1 or 0)) do
    oldest = math.min(oldest or m.accepted_at, m.accepted_at)
  end
  return oldest
end

local function file_backlog()
  if not backlog_changed then return end
  if session.depth == 0 then
    drop('jumped')
    redis.call('ZREM', key.backlog, NAME)
  else
    redis.call('ZADD', key.backlog, oldest_waiting_at(), NAME)
  end
end

local function ready_set(state)
  if state ~= 'waiting' or session.retry_at then return nil end
  local head = read_messages(key.queue, 0, 0)[1]
  return AGENT .. ':' .. account_of(head.place)
end

local function file_ready(state)
  local name = ready_set(state)
  if session.ready == name then return end
  if session.ready then redis.call('ZREM', at('ready', session.ready), NAME) end
  if not name then return drop('ready') end
  redis.call('ZADD', at('ready', name), now, NAME)
  put('ready', name)
end

local function file_state(state)
  if state_before == state then return end
  if not state_before then
    redis.call('ZADD', key.sessions, 0, NAME)
    redis.call('SADD', key.buckets, string.sub(key.sessions, #TAG + #'sessions:' + 1))
  elseif state_before ~= 'idle' then
    redis.call('ZREM', key[state_before], NAME)
  end
  if state ~= 'idle' then redis.call('ZADD', key[state], now, NAME) end
end

local function file_deadline(state)
  local deadline = session.over_at or session.retry_at
  if state == 'idle' then deadline = text(number('last_at') + number('keep_ms')) end
  if deadline then
    redis.call('ZADD', key.due, deadline, NAME)
  else
    redis.call('ZREM', key.due, NAME)
  end
end

local function save()
  local state, to_set, to_drop = state_of(), {}, {}
  file_backlog()
  file_ready(state)
  file_state(state)
  file_deadline(state)
  for field, value in pairs(changed) do to_set[#to_set + 1] = field to_set[#to_set + 1] = value end
  for field in pairs(dropped) do to_drop[#to_drop + 1] = field end
  if #to_set > 0 then redis.call('HSET', key.session, unpack(to_set)) end
  if #to_drop > 0 then redis.call('HDEL', key.session, unpack(to_drop)) end
end
