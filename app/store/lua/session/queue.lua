-- QUEUE

local function queue_changed(m, by)
  session.depth = session.depth + by
  if by < 0 or m.granted ~= '' or session.depth == 1 then backlog_changed = true end
  if redis.call('HINCRBY', key.senders, m.sender, by) == 0 then
    redis.call('HDEL', key.senders, m.sender)
  end
  if m.granted ~= '' then add('back', by) end
  if session.back == '0' then drop('back') end
  count('waiting', m.place, by)
end

local function push_back(m)
  redis.call('RPUSH', key.queue, pack_message(m))
  queue_changed(m, 1)
end

local function user_of(m)
  if not m.user or m.user == '' then return nil end
  return '\n' .. string.match(m.place, '^[^:]*:[^:]*:[^:]*:') .. m.user
end

-- Which of the messages are of the sender of `m`. Identities may have changed since they were
-- accepted: who has the same name, or the same id, is one sender, or they would overtake.
local function of_one_sender(messages, m)
  local known, found, grown = {[m.sender] = true, [user_of(m) or m.sender] = true}, {}, true
  while grown do
    grown = false
    for i, other in ipairs(messages) do
      local user = user_of(other)
      if not found[i] and (known[other.sender] or user and known[user]) then
        found[i], grown, known[other.sender] = true, true, true
        if user then known[user] = true end
      end
    end
  end
  return found
end

-- The sender's waiting messages stand in front of all others', in their order (I3).
local function push_front(m)
  local own = {m}
  if session.depth > 0 then
    local messages = read_messages(key.queue, 0, -1)
    local is_own = of_one_sender(messages, m)
    for i, waiting in ipairs(messages) do
      if is_own[i] then
        redis.call('LREM', key.queue, 1, waiting.packed)
        table.insert(own, #own, waiting)
      end
    end
  end
  if session.depth >= #own then put('jumped', '1') end
  for i = #own, 1, -1 do redis.call('LPUSH', key.queue, pack_message(own[i])) end
  queue_changed(m, 1)
  return #own
end

local function take_out(m)
  redis.call('LREM', key.queue, 1, m.packed)
  queue_changed(m, -1)
end

local function position_of(home)
  for i, m in ipairs(read_messages(key.queue, 0, -1)) do
    if m.home == home then return i, m end
  end
end

local function is_last_try(m, settings) return m.returns + 1 >= settings.max_deliveries end

-- How far the batch reaches that starts with the head: one place, as `drain` says, the
-- last try of a message alone.
local function choose_batch(settings)
  local by_sender = settings.drain == 'by_sender'
  local most = settings.drain == 'one' and 1 or settings.batch_max
  local messages = read_messages(key.queue, 0, by_sender and -1 or most - 1)
  local head, chosen, bytes = messages[1], {}, 0
  local is_heads = by_sender and head and of_one_sender(messages, head)
  for i, m in ipairs(messages) do
    if not by_sender or is_heads[i] then
      local size = #m.text + #m.body
      local full = #chosen == most or bytes + size > BATCH_BYTES_MAX
      local alone = is_last_try(m, settings) or is_last_try(head, settings)
      if #chosen > 0 and (full or alone or m.place ~= head.place) then break end
      chosen[#chosen + 1] = m
      bytes = bytes + size
    end
  end
  return chosen
end

local function take_batch(settings)
  local chosen = choose_batch(settings)
  if settings.drain == 'by_sender' then
    for _, m in ipairs(chosen) do take_out(m) end
    return chosen
  end
  redis.call('LPOP', key.queue, #chosen)
  for _, m in ipairs(chosen) do queue_changed(m, -1) end
  return chosen
end

-- REMOVAL

local function end_as_removed(m, reason, keep_ms)
  write_home(m, 'removed', reason, keep_ms)
  count('removed', m.place, 1)
  add('removed', 1)
end

local function remove_waiting(m, reason, keep_ms)
  take_out(m)
  end_as_removed(m, reason, keep_ms)
end

-- Nothing is silent: what was dropped or expired is told to the next runs.
local function omit(m, reason, keep_ms)
  remove_waiting(m, reason, keep_ms)
  redis.call('RPUSH', key.omitted, cmsgpack.pack({reason, m.id, m.text, m.body}))
  redis.call('LTRIM', key.omitted, -OMITTED_MAX, -1)
  add('omitted', 1)
  note('removed', reason, '', m.id)
end

local function remove_waiting_of(sender, reason, keep_ms)
  local removed = {}
  if redis.call('HEXISTS', key.senders, sender) == 0 then return removed end
  for _, m in ipairs(read_messages(key.queue, 0, -1)) do
    if m.sender == sender then
      remove_waiting(m, reason, keep_ms)
      removed[#removed + 1] = m.id
    end
  end
  return removed
end

-- Waiting messages that were never granted live as long as the policy lets them.
local function expire_waiting(settings)
  local expired, next_at = {}, nil
  for _, m in ipairs(read_messages(key.queue, 0, -1)) do
    if m.expires_at > 0 and m.granted == '' then
      if now >= m.expires_at then
        omit(m, 'expired', settings.dedupe_ms)
        expired[#expired + 1] = m.id
      else
        next_at = math.min(next_at or m.expires_at, m.expires_at)
      end
    end
  end
  if next_at then put('expire_at', text(next_at)) else drop('expire_at') end
  return expired
end
