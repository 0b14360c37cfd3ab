-- HOMES: where the one record of an accepted id is (I4). A home without a state is a
-- pointer: it only says which session to ask. There are more of them than of anything else, so
-- they are small: the fence is a number, and two times are counted from `accepted_at`, -1 for
-- never: when it was granted, and since when it has ended or is back from a run.

local HOME = {'session', 'state', 'decision', 'print', 'amended', 'reason', 'fence',
  'accepted_at', 'granted_after', 'since_after'}

local function unpack_home(packed)
  local record, values = {}, cmsgpack.unpack(packed)
  for i, field in ipairs(HOME) do record[field] = values[i] end
  return record
end

local function read_home(home)
  local packed = redis.call('GET', at('id', home))
  return packed and unpack_home(packed) or nil
end

-- With `keep_ms` the message has ended, and its id is forgotten after that time.
local function write_home(m, state, reason, keep_ms)
  local has_moved = keep_ms or state == 'dead' or (state == 'waiting' and m.granted ~= '')
  local function after(time) return time and math.max(time - m.accepted_at, 0) or -1 end
  local granted_after = after(m.granted_at > 0 and m.granted_at)
  local since_after = after(has_moved and (m.since or now))
  local packed = cmsgpack.pack({name, state, m.decision, m.print, m.amended, reason,
    tonumber(m.granted) or '', m.accepted_at, granted_after, since_after})
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
