-- GENERATIONS: a session's ids, one after the other, what a reset leaves and when it is due.

local function new_session_id() return next_number() .. '-' .. SHARD end

local new_generation, forget_previous_data, keep_data
do

-- The gateway's own JSON: what the old id had is shown until a run of the new one completes.
local function turn_data_over()
  local current = redis.call('HGET', key.data, 'current')
  redis.call('DEL', key.data)
  if not current then return drop('data') end
  redis.call('HSET', key.data, 'previous', current)
end

function forget_previous_data()
  redis.call('HDEL', key.data, 'previous')
  if redis.call('EXISTS', key.data) == 0 then drop('data') end
end

function keep_data(json)
  if json == '' then return end
  redis.call('HSET', key.data, 'current', json)
  put('data', '1')
end

-- A reset: another id under the same key, with nothing of the old history (section 6).
function new_generation(reason)
  put('previous_id', session.id)
  put('reset_reason', reason)
  put('id', new_session_id())
  put('new', '1')
  for _, field in ipairs({'tokens', 'limit', 'reset_pending', 'idle_at'}) do
    drop(field)
  end
  drop_value(key.context)
  context_lines = {}
  if session.data then turn_data_over() end
  note('reset', reason)
end

end

local function passed(field) return session[field] and now >= tonumber(session[field]) end

-- `daily_at` holds the next moments at which a day begins, ascending, a space between.
local function daily_is_due()
  local first = session.daily_at and string.match(session.daily_at, '^%d+')
  return first and now >= tonumber(first)
end

local function keep_boundaries(boundaries)
  local later = {}
  for boundary in string.gmatch(boundaries, '%d+') do
    if tonumber(boundary) > now then later[#later + 1] = boundary end
  end
  if #later > 0 then put('daily_at', table.concat(later, ' ')) else drop('daily_at') end
end

-- The timers of the policy, looked at whenever something could be granted (section 6).
local function reset_if_due()
  if session.fence then return end
  if daily_is_due() then
    keep_boundaries(session.daily_at)
    return new_generation('daily')
  end
  if passed('idle_at') then new_generation('idle') end
end

-- Only user messages and the ends of their runs renew the idle clock.
local function renew_idle_clock(settings, at)
  if settings.reset_idle_ms then
    put('idle_at', text(at + settings.reset_idle_ms))
  else
    drop('idle_at')
  end
end
