-- Shared by every script that works on one session. KEYS as keys.SESSION_KEYS lists them;
-- ARGV[1] is the time in microseconds, or empty for the store's own clock.

local key = {
  session = KEYS[1], run = KEYS[2], queue = KEYS[3], batch = KEYS[4], senders = KEYS[5],
  participants = KEYS[6], fence = KEYS[7], settings = KEYS[8], stats = KEYS[9], due = KEYS[10],
  buckets = KEYS[11], sessions = KEYS[12], running = KEYS[13], waiting = KEYS[14],
  paused = KEYS[15], backlog = KEYS[16], dead = KEYS[17],
}
local TAG = string.match(KEYS[1], '^sr:{[^}]*}:')
local NAME = string.sub(KEYS[1], #TAG + #'session:' + 1)
local AGENT = string.match(NAME, '^agent:([^:]*)')
local BATCH_BYTES_MAX = 1048576
local RETRY_DOUBLINGS_MAX = 16

-- The only place in a script that builds a key: for what is found in an index.
local function at(kind, name) return TAG .. kind .. ':' .. name end

-- `tostring`, `..` and cjson round large numbers: here they become text.
local function text(number) return string.format('%.0f', number) end

local function clock()
  if ARGV[1] ~= '' then return tonumber(ARGV[1]) end
  local time = redis.call('TIME')
  return tonumber(time[1]) * 1000000 + tonumber(time[2])
end

local now_us = clock()
local now = math.floor(now_us / 1000)

-- Fences and session ids are drawn from one number per shard that only grows (I1).
local function next_number()
  local last = tonumber(redis.call('GET', key.fence) or 0)
  local number = text(math.max(last + 1, now_us))
  redis.call('SET', key.fence, number)
  return number
end
