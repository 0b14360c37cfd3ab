-- FILING: one index a state, the backlog of what waits, the ready sets of claims, and the
-- one deadline of what runs or waits that a sweep must not miss (I5).

local oldest_waiting_at, held_until, ready_set, leave_ready_set, save, forget_session
do

local EVENTS_TRIMMED_AT = 64

-- The head is the oldest, unless somebody jumped the queue and it is not in order again.
function oldest_waiting_at()
  if not session.jumped then return session.depth > 0 and head_of_queue().accepted_at or nil end
  local oldest, before, in_order = nil, 0, true
  for _, packed in ipairs(redis.call('LRANGE', key.queue, 0, -1)) do
    local at = arrival_of(packed)
    oldest, in_order, before = math.min(oldest or at, at), in_order and before <= at, at
  end
  if in_order then drop('jumped') end
  return oldest
end

-- Whether one that is older than all that came and went still waits.
local function is_filed_rightly()
  local oldest = session.jumped and redis.call('ZSCORE', key.backlog, name)
  return oldest and tonumber(oldest) < backlog_changed
end

local function file_backlog()
  if not backlog_changed then return end
  if session.depth == 0 then
    drop('jumped')
    redis.call('ZREM', key.backlog, name)
  elseif not is_filed_rightly() then
    redis.call('ZADD', key.backlog, text(oldest_waiting_at()), name)
  end
end

-- What a free session with waiting messages still waits for, or nil.
function held_until()
  if session.retry_at then return session.retry_at end
  local debounce_at, group_at = number('debounce_at'), number('group_at')
  local later = math.max(debounce_at, group_at)
  return later > 0 and text(later) or nil
end

-- A burst at the head holds the session until its parts are there; a run is not held by it.
local function file_groups()
  if not session.groups then return end
  if session.depth == 0 then drop('groups') end
  local open_until = not session.fence and open_head_until()
  if open_until then put('group_at', text(open_until)) else drop('group_at') end
end

function ready_set(state)
  if state ~= 'waiting' or held_until() then return nil end
  return AGENT .. ':' .. account_of(head_of_queue().place)
end

function leave_ready_set(set)
  redis.call('ZREM', at('ready', set), name)
  if redis.call('EXISTS', at('ready', set)) == 0 then redis.call('SREM', key.ready_sets, set) end
end

local function file_ready(state)
  local set = ready_set(state)
  if session.ready == set then return end
  if session.ready then leave_ready_set(session.ready) end
  if not set then return drop('ready') end
  redis.call('ZADD', at('ready', set), text(now), name)
  redis.call('SADD', key.ready_sets, set)
  redis.call('PUBLISH', 'sr:ready', set)
  put('ready', set)
end

local function file_state(state)
  if state_before == state then return end
  if not state_before then
    redis.call('ZADD', key.sessions, 0, name)
    counts_of(BUCKET)
  elseif state_before ~= 'idle' then
    redis.call('ZREM', key[state_before], name)
  end
  if state ~= 'idle' then redis.call('ZADD', key[state], text(now), name) end
end

-- What its holder has, and what runs in the chat.
local function file_run()
  if session.fence == fence_before then return end
  local holder = run and run.consumer
  if holder_before and holder_before ~= holder then
    redis.call('HDEL', at('consumer', holder_before), name)
  end
  if holder then redis.call('HSET', at('consumer', holder), name, session.fence) end
  if not fence_before then redis.call('SADD', key.active, name) end
  if not session.fence then redis.call('SREM', key.active, name) end
  fence_before, holder_before = session.fence, holder
end

local function file_deadline(state)
  local deadline = deadline_of(state)
  if deadline == deadline_before then return end
  if deadline then
    redis.call('ZADD', key.due, text(deadline), name)
  else
    redis.call('ZREM', key.due, name)
  end
  deadline_before = deadline
end

local function write_senders()
  if session.depth == 0 and next(senders_changed) then
    redis.call('DEL', key.senders)
  else
    for sender, by in pairs(senders_changed) do
      if by ~= 0 and redis.call('HINCRBY', key.senders, sender, text(by)) == 0 then
        redis.call('HDEL', key.senders, sender)
      end
    end
  end
  senders_changed = {}
end

-- A few events more than are shown may be kept: so they need not be cut at each call.
local function write_events()
  if #events == 0 then return end
  local kept = redis.call('RPUSH', key.timeline, unpack(events))
  if kept > EVENTS_TRIMMED_AT then redis.call('LTRIM', key.timeline, -EVENTS_MAX, -1) end
end

function save()
  local state = state_of()
  if session.depth == 0 then
    drop('expire_at')
    drop('debounce_at')
  end
  file_groups()
  file_backlog()
  file_ready(state)
  file_state(state)
  file_run()
  file_deadline(state)
  write_session()
  write_senders()
  write_events()
  write_figures()
  write_values()
  events = {}
  state_before, backlog_changed = state, nil
end

-- Only for a session that is saved as idle: nothing runs or waits in it.
function forget_session()
  redis.call('ZREM', key.sessions, name)
  redis.call('ZREM', key.due, name)
  if session.thread_home then redis.call('DEL', at('thread', session.thread_home)) end
  redis.call('DEL', key.session, key.senders, key.participants, key.omitted, key.timeline,
    key.context, key.data)
end

end
