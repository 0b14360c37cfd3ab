-- SESSION: its record and that of its run, one packed text: read once, changed by `put`, `drop`
-- and `put_run`, written once by `save`. What a newer release added stays in it, unread.

local session, is_changed, events
local run  -- of the session, nil: nothing runs
local state_before, deadline_before, fence_before, holder_before
local backlog_changed  -- arrival of the oldest message that came or went, nil: none that matters
local context_lines  -- nil: not read yet
local queue_head, people  -- nil: not read yet
local senders_changed
local brought  -- by the caller, who knows it: the id of the settings, text and body

local function forget_record()
  session, is_changed, events, run = {}, false, {}, nil
  queue_head, people, senders_changed, context_lines = nil, nil, {}, nil
  state_before, deadline_before, fence_before, holder_before, backlog_changed = nil, nil, nil, nil, nil
end

-- Every script on a session begins with it.
local function begin(KEYS, ARGV)
  read_keys(KEYS, ARGV[1])
  forget_values()
  forget_figures()
  forget_record()
  brought = {}
end

local function put(field, value)
  if session[field] == value then return end
  session[field], is_changed = value, true
end

local function drop(field) put(field, nil) end

local function put_run(fields)
  for field, value in pairs(fields) do run[field] = value end
  is_changed = true
end

local function drop_run(fields)
  for _, field in ipairs(fields) do run[field] = nil end
  is_changed = true
end

local function number(field) return tonumber(session[field] or 0) end
local function add(field, by) put(field, text(number(field) + by)) end

-- The timeline: what happened, why, by whom; written by `save`.
local function note(event, reason, by, message_id, fence)
  events[#events + 1] = cmsgpack.pack({now, event, reason or '', by or '', message_id or '',
    fence or ''})
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

local deadline_of
do

local DEADLINES = {'over_at', 'retry_at', 'debounce_at', 'group_at', 'expire_at'}

-- When a sweep must look at the session (I5), or nil: in an idle one nothing waits.
function deadline_of(state)
  if state == 'idle' then return nil end
  local deadline
  for _, field in ipairs(DEADLINES) do
    if session[field] then deadline = math.min(deadline or math.huge, number(field)) end
  end
  return deadline
end

end

local function read_session()
  local packed = value_of(key.session)
  session = packed and cmsgpack.unpack(packed) or {}
  session.depth = session.depth or 0
  run = session.run
  state_before = state_of()
  deadline_before = state_before and deadline_of(state_before)
  fence_before, holder_before = session.fence, run and run.consumer
end

-- With all that a script will look at.
local function read_session_with(...)
  look_at({key.session, ...})
  read_session()
end

local function write_session()
  if not is_changed then return end
  local depth = session.depth
  if depth == 0 then session.depth = nil end
  set_value(key.session, cmsgpack.pack(session))
  session.depth, is_changed = depth, false
end

-- The people of the session as they are stored: who, to `seq JSON`.
local function participants()
  if people then return people end
  local packed = value_of(key.participants)
  people = packed and cmsgpack.unpack(packed) or {}
  return people
end

-- Another session of the same chat: the rest of the script works on that one. What was
-- changed in the one before must have been saved.
local function turn_to(other)
  name = other
  key = keys_of({})
  forget_record()
  read_session()
end
