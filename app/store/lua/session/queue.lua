-- QUEUE

local function head_of_queue()
  if session.depth == 0 then return nil end
  queue_head = queue_head or read_messages(key.queue, 0, 0)[1]
  return queue_head
end

local function queue_changed(m, by)
  put('depth', session.depth + by)
  queue_head = session.depth == 1 and by > 0 and m or nil
  if by > 0 and (m.group or '') ~= '' then put('groups', '1') end
  if by < 0 or m.granted ~= '' or session.depth == 1 then
    backlog_changed = math.min(backlog_changed or m.accepted_at, m.accepted_at)
  end
  count_sender(m, by)
  if m.granted ~= '' then add('back', by) end
  if session.back == '0' then drop('back') end
  count('waiting', m.place, by)
end

local function position_of(home)
  for i, m in ipairs(read_messages(key.queue, 0, -1)) do
    if m.home == home then return i, m end
  end
end

-- At the back, a part of a burst with its siblings; gives back its position if not the last.
local function push_back(m)
  local sibling = siblings_of(m)
  if not sibling then
    redis.call('RPUSH', key.queue, pack_message(m))
    return queue_changed(m, 1)
  end
  redis.call('LINSERT', key.queue, 'AFTER', sibling.packed, pack_message(m))
  put('jumped', '1')
  queue_changed(m, 1)
  return position_of(m.home)
end

local push_front
do

-- The newest message of a sender's, the last of `own`, goes to its siblings.
local function with_siblings(own)
  local m = own[#own]
  for i = #own - 1, 1, -1 do
    if is_part_of(own[i], m) then
      if i < #own - 1 then put('jumped', '1') end
      table.insert(own, i + 1, table.remove(own))
      return own
    end
  end
  return own
end

-- The sender's waiting messages stand in front of all others', in their order (I3).
function push_front(m)
  local own = {m}
  if may_wait(m) then
    local messages = read_messages(key.queue, 0, -1)
    local is_own = of_one_sender(messages, m)
    for i, waiting in ipairs(messages) do
      if is_own[i] then
        redis.call('LREM', key.queue, 1, waiting.packed)
        table.insert(own, #own, waiting)
      end
    end
    own = with_siblings(own)
  end
  if session.depth >= #own then put('jumped', '1') end
  for i = #own, 1, -1 do redis.call('LPUSH', key.queue, pack_message(own[i])) end
  queue_changed(m, 1)
  for i, one in ipairs(own) do
    if one.home == m.home then return i end
  end
end

end

local function take_out(m)
  redis.call('LREM', key.queue, 1, m.packed)
  queue_changed(m, -1)
end

local is_last_try, take_batch
do

local BATCH_BYTES_MAX = 1048576

function is_last_try(m, settings) return m.returns + 1 >= settings.max_deliveries end

local function has_last_try(messages, first, last, settings)
  for i = first, last do
    if is_last_try(messages[i], settings) then return true end
  end
  return false
end

local function bytes_of(messages, first, last)
  local bytes = 0
  for i = first, last do bytes = bytes + #messages[i].text + #messages[i].body end
  return bytes
end

-- The messages that a batch may be made of, in order: all, or those of the head's sender.
local function line_of_batch(settings, most)
  if settings.drain ~= 'by_sender' then
    return read_messages(key.queue, 0, session.groups and -1 or most - 1)
  end
  local messages, line = read_messages(key.queue, 0, -1), {}
  local is_heads = messages[1] and of_one_sender(messages, messages[1])
  for i, m in ipairs(messages) do
    if is_heads[i] then line[#line + 1] = m end
  end
  return line
end

-- How far the batch reaches that starts with the head: one place, as `drain` says, a burst
-- counted as one and whole (of one over 1 MiB what fits), the last try of a message alone.
local function choose_batch(settings)
  local most = settings.drain == 'one' and 1 or settings.batch_max
  local line = line_of_batch(settings, most)
  local chosen, bytes, units, i, head_is_alone = {}, 0, 0, 1, false
  while line[i] and units < most and not head_is_alone do
    local last = end_of_unit(line, i)
    local alone = has_last_try(line, i, last, settings)
    local fits = line[i].place == line[1].place and not alone and not open_until(line, i, last)
      and bytes + bytes_of(line, i, last) <= BATCH_BYTES_MAX
    if i > 1 and not fits then break end
    head_is_alone = alone
    for j = i, last do
      bytes = bytes + bytes_of(line, j, j)
      if #chosen > 0 and bytes > BATCH_BYTES_MAX then return chosen end
      chosen[#chosen + 1] = line[j]
    end
    units, i = units + 1, last + 1
  end
  return chosen
end

function take_batch(settings)
  local chosen = choose_batch(settings)
  if settings.drain == 'by_sender' then
    for _, m in ipairs(chosen) do take_out(m) end
    return chosen
  end
  redis.call('LPOP', key.queue, #chosen)
  for _, m in ipairs(chosen) do queue_changed(m, -1) end
  return chosen
end

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
  tally('dropped_' .. reason, 1)
  note('removed', reason, '', m.id)
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
