-- VALUES: the keys of type string. What a script will need is read in one look, and what it
-- changed is written in one command, at its end.

local forget_values, look_at, value_of, set_value, set_value_for, drop_value, write_values
do

local seen, to_write  -- false: nothing is stored there

function forget_values() seen, to_write = {}, {} end

-- One look at all of these.
function look_at(names)
  local values = redis.call('MGET', unpack(names))
  for i = 1, #names do seen[names[i]] = values[i] end
end

function value_of(name_of_key)
  local value = seen[name_of_key]
  if value == nil then
    value = redis.call('GET', name_of_key)
    seen[name_of_key] = value
  end
  return value
end

function set_value(name_of_key, value)
  seen[name_of_key], to_write[name_of_key] = value, value
end

function set_value_for(name_of_key, value, milliseconds)
  redis.call('SET', name_of_key, value, 'PX', milliseconds)
  seen[name_of_key], to_write[name_of_key] = value, nil
end

function drop_value(name_of_key) seen[name_of_key], to_write[name_of_key] = false, false end

function write_values()
  local to_set, last, to_delete = {}, 0, {}
  for name_of_key, value in pairs(to_write) do
    if value then
      to_set[last + 1], to_set[last + 2], last = name_of_key, value, last + 2
    else
      to_delete[#to_delete + 1] = name_of_key
    end
  end
  for i = 1, last, 2 * PUSHED_MAX do
    redis.call('MSET', unpack(to_set, i, math.min(i + 2 * PUSHED_MAX - 1, last)))
  end
  if #to_delete > 0 then redis.call('DEL', unpack(to_delete)) end
  to_write = {}
end

end

-- Fences and session ids are drawn from one number per shard that only grows (I1).
local function next_number()
  local last = tonumber(value_of(key.fence) or 0)
  local drawn = text(math.max(last + 1, now_us))
  set_value(key.fence, drawn)
  return drawn
end
