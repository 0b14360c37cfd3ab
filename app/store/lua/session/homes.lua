-- HOMES: where the one record of an accepted id is (I4). A home without a state is a
-- pointer: it only says which session to ask.

local function read_home(home)
  local packed = redis.call('GET', at('id', home))
  if not packed then return nil end
  local f = cmsgpack.unpack(packed)
  return {session = f[1], state = f[2], decision = f[3], print = f[4], reason = f[5],
    fence = f[6], accepted_at = f[7], granted_at = f[8], ended_at = f[9]}
end

local function write_home(m, state, reason, keep_ms)
  local ended_at = (keep_ms or state == 'dead') and now or 0
  local packed = cmsgpack.pack({NAME, state, m.decision, m.print, reason, m.granted,
    m.accepted_at, m.granted_at or 0, ended_at})
  if keep_ms then
    redis.call('SET', at('id', m.home), packed, 'PX', keep_ms)
  else
    redis.call('SET', at('id', m.home), packed)
  end
end

-- Conservation (I2): one counter a state, agent and platform.
local function count(state, place, by)
  redis.call('HINCRBY', key.stats, state .. ':' .. AGENT .. ':' .. platform_of(place), by)
end
