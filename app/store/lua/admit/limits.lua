-- LIMITS: what a queue takes, and how many messages of bots.

local limit_reached, bot_limit_reached
do

-- They concern only messages never granted: what came back from a run is not counted.
local function waiting_never_granted(own)
  local all = session.depth
  if not session.back then return all, own end
  for _, m in ipairs(read_messages(key.queue, 0, -1)) do
    if m.granted ~= '' then
      all = all - 1
      if m.sender == given.sender then own = own - 1 end
    end
  end
  return all, own
end

local function drop_own_oldest()
  local oldest
  for _, m in ipairs(read_messages(key.queue, 0, -1)) do
    local is_own = m.sender == given.sender and m.granted == ''
    if is_own and (not oldest or m.seq < oldest.seq) then oldest = m end
  end
  if not oldest then return false end
  omit(oldest, 'overflow', settings.dedupe_ms)
  dropped_now[#dropped_now + 1] = oldest.id
  dropped_now[#dropped_now + 1] = 'overflow'
  return true
end

-- The limit that keeps this message out, or nil; `waiting` are its sender's.
function limit_reached(waiting)
  local all, own = waiting_never_granted(waiting)
  local limit = all >= settings.queue_max and 'queue_full'
    or own >= settings.sender_queue_max and 'sender_queue_full' or nil
  if limit and settings.overflow == 'drop_oldest' and drop_own_oldest() then return nil end
  return limit
end

function bot_limit_reached()
  if not given.is_bot then return false end
  if number('bots_at') + settings.bot_window_ms <= now then
    put('bots_at', text(now))
    put('bots', '0')
  end
  return number('bots') >= settings.bot_max
end

end
