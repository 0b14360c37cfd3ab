-- HOMES: where the one record of an accepted id is (I4). A home without a state is a
-- pointer: it only says which session to ask. There are more of them than of anything else, so
-- they are small: the fence is a number, and two times are counted from `accepted_at`, -1 for
-- never: when it was granted, and since when it has ended or is back from a run.

local read_home, write_home
do

local HOME = {'session', 'state', 'decision', 'print', 'amended', 'reason', 'fence',
  'accepted_at', 'granted_after', 'since_after'}

local function unpack_home(packed)
  local record, values = {}, cmsgpack.unpack(packed)
  for i, field in ipairs(HOME) do record[field] = values[i] end
  return record
end

function read_home(home)
  local packed = value_of(at('id', home))
  return packed and unpack_home(packed) or nil
end

local function after(m, time) return time and math.max(time - m.accepted_at, 0) or -1 end

-- With `keep_ms` the message has ended, and its id is forgotten after that time.
function write_home(m, state, reason, keep_ms)
  local has_moved = keep_ms or state == 'dead' or (state == 'waiting' and m.granted ~= '')
  local granted_after = after(m, m.granted_at > 0 and m.granted_at)
  local since_after = after(m, has_moved and (m.since or now))
  local packed = cmsgpack.pack({name, state, m.decision, m.print, m.amended, reason,
    tonumber(m.granted) or '', m.accepted_at, granted_after, since_after})
  if keep_ms then
    set_value_for(at('id', m.home), packed, keep_ms)
  else
    set_value(at('id', m.home), packed)
  end
end

end
