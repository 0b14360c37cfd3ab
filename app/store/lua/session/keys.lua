-- Shared by every script that works on one session. What is one call's own is set anew by
-- `begin`, at the start of each call: nothing of one call may be seen by another.

local key, TAG, SHARD, AGENT, BUCKET, CHAT, name, now_us, now

local PUSHED_MAX = 1000
local OMITTED_MAX = 20
local EVENTS_MAX = 50
local SENT_MAX = 100

-- The only place in a script that builds a key.
local function at(kind, found) return TAG .. kind .. ':' .. found end

local keys_of
do

-- The keys that do not hold something of the session alone. All begin with the tag of KEYS[1], so
-- that they are in its slot.
local KEYS_OF = {fence = 'shard', tallies = 'shard', due = 'shard', buckets = 'shard',
  letters = 'shard', ready_sets = 'shard', news = 'shard', sessions = 'bucket',
  running = 'bucket', waiting = 'bucket', paused = 'bucket', backlog = 'bucket', dead = 'bucket',
  counts = 'bucket', active = 'chat', memory = 'chat', moved = 'chat'}

-- `key.queue` is the session's queue, and so on: each is built when it is first asked for.
local BUILT_WHEN_USED = {__index = function(keys, kind)
  local holder, built = KEYS_OF[kind], nil
  if holder == nil then built = at(kind, name)
  elseif holder == 'shard' then built = TAG .. kind
  elseif holder == 'bucket' then built = at(kind, BUCKET)
  else built = at(kind, CHAT) end
  keys[kind] = built
  return built
end}

function keys_of(known) return setmetatable(known, BUILT_WHEN_USED) end

end

-- `tostring`, `..` and cjson round large numbers: here they become text. `%d` would be a little
-- faster, but it is a C `long`, of 32 bits on some machines.
local function text(number) return string.format('%.0f', number) end

-- KEYS as keys.session_keys gives them; `time_us` is empty for the store's own clock.
local function read_keys(KEYS, time_us)
  TAG = string.match(KEYS[1], '^sr:{[^}]*}:')
  SHARD = string.sub(TAG, #'sr:{' + 1, -#'}:' - 1)
  name = string.sub(KEYS[1], #TAG + #'session:' + 1)
  CHAT = string.sub(KEYS[2], #TAG + #'active:' + 1)
  key = keys_of({session = KEYS[1], active = KEYS[2]})
  local agent, platform = string.match(name, '^agent:([^:]*):([^:]*)')
  if CHAT == name then platform = '*' end  -- it spans chats
  AGENT, BUCKET = agent, agent and agent .. ':' .. platform
  if time_us ~= '' then
    now_us = tonumber(time_us)
  else
    local time = redis.call('TIME')
    now_us = tonumber(time[1]) * 1000000 + tonumber(time[2])
  end
  now = math.floor(now_us / 1000)
end
