-- GROUPS: the parts of a burst stand together in the queue and count as one message.

local function is_part_of(m, other)
  return (m.group or '') ~= '' and m.group == other.group and m.sender == other.sender
    and m.place == other.place
end

-- The last of the messages that count as one with the one at `first`.
local function end_of_unit(messages, first)
  local last = first
  while messages[last + 1] and is_part_of(messages[first], messages[last + 1]) do
    last = last + 1
  end
  return last
end

-- Until when a burst waits for more of its parts, or nil.
local function open_until(messages, first, last)
  local latest = 0
  for i = first, last do
    latest = math.max(latest, tonumber(messages[i].group_until) or 0)
  end
  return latest > now and latest or nil
end

local function open_head_until()
  if not session.groups or session.depth == 0 then return nil end
  local messages = read_messages(key.queue, 0, -1)
  return open_until(messages, 1, end_of_unit(messages, 1))
end

-- The newest waiting part of the burst that `m` belongs to, and the oldest.
local function siblings_of(m)
  if m.group == '' or not session.groups then return nil end
  local newest, oldest
  for _, waiting in ipairs(read_messages(key.queue, 0, -1)) do
    if is_part_of(waiting, m) then
      newest, oldest = waiting, oldest or waiting
    end
  end
  return newest, oldest
end

-- Until when a new part lets its burst wait, or nil: the bound may be over at once.
local function window_of(part, settings)
  if part.group == '' then return nil end
  local _, oldest = siblings_of(part)
  local first_at = oldest and oldest.accepted_at or now
  local window = math.min(now + settings.group_ms, first_at + settings.debounce_max_ms)
  return window > now and window or nil
end
