-- HOMES: where the one record of an accepted id is (I4). A home without a state is a
-- pointer: it only says which session to ask.

local HOME = {'session', 'state', 'decision', 'print', 'amended', 'reason', 'fence',
  'accepted_at', 'granted_at', 'since'}

local function unpack_home(packed)
  local record, values = {}, cmsgpack.unpack(packed)
  for i, field in ipairs(HOME) do record[field] = values[i] end
  return record
end

local function read_home(home)
  local packed = redis.call('GET', at('id', home))
  return packed and unpack_home(packed) or nil
end

-- With `keep_ms` the message has ended, and its id is forgotten after that time. `since` tells
-- when it ended or came back from a run; 0 while neither has happened.
local function write_home(m, state, reason, keep_ms)
  local has_moved = keep_ms or state == 'dead' or (state == 'waiting' and m.granted ~= '')
  local since = has_moved and (m.since or now) or 0
  local packed = cmsgpack.pack({name, state, m.decision, m.print, m.amended, reason, m.granted,
    m.accepted_at, m.granted_at, since})
  if keep_ms then
    redis.call('SET', at('id', m.home), packed, 'PX', keep_ms)
  else
    redis.call('SET', at('id', m.home), packed)
  end
end

local counted  -- counter to what is to be added to it, by `write_counts`

local function add_to(counter, by) counted[counter] = (counted[counter] or 0) + by end

-- Conservation (I2): one counter a state, agent and platform.
local function count(state, place, by)
  add_to(state .. ':' .. AGENT .. ':' .. platform_of(place), by)
end

-- How often something has happened, for the metrics: counted where it happens, never taken back.
local function tally(what, by) add_to('tally:' .. what, by) end

-- All counters at once: two commands, however many they are.
local function write_counts()
  local counters, values = {}, {}
  for counter, by in pairs(counted) do
    if by ~= 0 then counters[#counters + 1] = counter end
  end
  if #counters == 0 then return end
  for i, before in ipairs(redis.call('HMGET', key.stats, unpack(counters))) do
    values[2 * i - 1] = counters[i]
    values[2 * i] = text((before or 0) + counted[counters[i]])
  end
  redis.call('HSET', key.stats, unpack(values))
  counted = {}
end
