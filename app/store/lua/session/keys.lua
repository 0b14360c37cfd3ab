-- Shared by every script that works on one session. What is one call's own is set anew by
-- `begin`, at the start of each call: nothing of one call may be seen by another.

local key, TAG, SHARD, AGENT, name, now_us, now

local BATCH_BYTES_MAX = 1048576
local BATCH_WITH_STEERS_MAX = 1000
local PUSHED_MAX = 1000
local PARTICIPANTS_MAX = 50
local RETRY_DOUBLINGS_MAX = 16
local OMITTED_MAX = 20
local EVENTS_MAX = 50
local EVENTS_TRIMMED_AT = 64
local SETTINGS_KNOWN_MAX = 200
local LOST_MAX = 100
local LOST_KEPT_SECONDS = 3600
local SENT_MAX = 100
local MOVED_MS = 400 * 86400000
local CONTEXT_BYTES_MAX = 65536
local NEWS_KEPT_MS = 3600000

-- The only place in a script that builds a key: for what is found in an index.
local function at(kind, found) return TAG .. kind .. ':' .. found end

-- `tostring`, `..` and cjson round large numbers: here they become text.
local function text(number) return string.format('%.0f', number) end

-- KEYS as keys.SESSION_KEYS lists them; `time_us` is empty for the store's own clock.
local function read_keys(KEYS, time_us)
  key = {
    session = KEYS[1], run = KEYS[2], queue = KEYS[3], batch = KEYS[4], senders = KEYS[5],
    participants = KEYS[6], omitted = KEYS[7], timeline = KEYS[8], fence = KEYS[9],
    settings = KEYS[10], stats = KEYS[11], due = KEYS[12], buckets = KEYS[13],
    letters = KEYS[14], sessions = KEYS[15], running = KEYS[16], waiting = KEYS[17],
    paused = KEYS[18], backlog = KEYS[19], dead = KEYS[20], active = KEYS[21],
    ready_sets = KEYS[22], news = KEYS[23], memory = KEYS[24], context = KEYS[25],
    data = KEYS[26],
  }
  TAG = string.match(KEYS[1], '^sr:{[^}]*}:')
  SHARD = string.match(TAG, '{(.-)}')
  AGENT = string.match(KEYS[1], ':session:agent:([^:]*)')
  name = string.sub(KEYS[1], #TAG + #'session:' + 1)
  if time_us ~= '' then
    now_us = tonumber(time_us)
  else
    local time = redis.call('TIME')
    now_us = tonumber(time[1]) * 1000000 + tonumber(time[2])
  end
  now = math.floor(now_us / 1000)
end

-- Fences and session ids are drawn from one number per shard that only grows (I1).
local last_number  -- nil: not read yet

local function next_number()
  local last = tonumber(last_number or redis.call('GET', key.fence) or 0)
  last_number = text(math.max(last + 1, now_us))
  redis.call('SET', key.fence, last_number)
  return last_number
end
