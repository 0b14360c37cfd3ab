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
-- that they are in its slot. The names that a shard or a bucket has are kept for the next call.
local KEYS_OF = {fence = 'shard', tallies = 'shard', due = 'shard', buckets = 'shard',
  letters = 'shard', ready_sets = 'shard', news = 'shard', sessions = 'bucket',
  running = 'bucket', waiting = 'bucket', paused = 'bucket', backlog = 'bucket', dead = 'bucket',
  counts = 'bucket', active = 'chat', memory = 'chat', moved = 'chat'}

-- `key.queue` is the session's queue, and so on: each is built when it is first asked for.
local BUILT_WHEN_USED = {__index = function(kept, kind)
  local holder, keys, built = KEYS_OF[kind], kept, nil
  if holder == 'shard' then built = TAG .. kind
  elseif holder == 'bucket' then built = at(kind, BUCKET)
  else keys, built = key, at(kind, holder == 'chat' and CHAT or name) end
  keys[kind] = built
  return built
end}

local BUCKETS_KEPT_MAX = 200
local kept_of, kept_count = {}, 0  -- tag and bucket to what a table of keys falls back on

function keys_of(known)
  local bucket = TAG .. (BUCKET or '')
  local kept = kept_of[bucket]
  if not kept then
    if kept_count == BUCKETS_KEPT_MAX then kept_of, kept_count = {}, 0 end
    kept = {__index = setmetatable({}, BUILT_WHEN_USED)}
    kept_of[bucket], kept_count = kept, kept_count + 1
  end
  return setmetatable(known, kept)
end

end

local text
do

local TEXTS_KNOWN_MAX = 200
local known_texts, known_count = {}, 0

-- `tostring`, `..` and cjson round large numbers: here they become text. `%d` would be a little
-- faster, but it is a C `long`, of 32 bits on some machines. Most numbers are times and settings, and
-- under load were written in the same millisecond by a call before.
function text(number)
  local known = known_texts[number]
  if known then return known end
  if known_count == TEXTS_KNOWN_MAX then known_texts, known_count = {}, 0 end
  known = string.format('%.0f', number)
  known_texts[number], known_count = known, known_count + 1
  return known
end

end

-- KEYS as keys.session_keys gives them; `time_us` is empty for the store's own clock.
local function read_keys(KEYS, time_us)
  TAG, SHARD = string.match(KEYS[1], '^(sr:{([^}]*)}:)')
  name = string.sub(KEYS[1], #TAG + #'session:' + 1)
  CHAT = string.sub(KEYS[2], #TAG + #'active:' + 1)
  local agent, platform = string.match(name, '^agent:([^:]*):([^:]*)')
  if CHAT == name then platform = '*' end  -- it spans chats
  AGENT, BUCKET = agent, agent and agent .. ':' .. platform
  key = keys_of({session = KEYS[1], active = KEYS[2]})
  if time_us ~= '' then
    now_us = tonumber(time_us)
  else
    local time = redis.call('TIME')
    now_us = tonumber(time[1]) * 1000000 + tonumber(time[2])
  end
  now = math.floor(now_us / 1000)
end
