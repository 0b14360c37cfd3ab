-- RETURNS: where the messages of a run that has ended go: done, back to the queue, or dead.

local function finish_batch(messages, reason, settings)
  for _, m in ipairs(messages) do
    write_home(m, 'done', reason, settings.dedupe_ms)
    count('done', m.place, 1)
  end
  add('done', #messages)
end

-- `born` tells a session's own letters from those of one that was deleted under its key.
local function bury(m)
  if not session.born then put('born', m.granted) end
  redis.call('HSET', key.letters, m.home, cmsgpack.pack({name, now, pack_message(m),
    session.settings, session.born}))
  redis.call('ZADD', key.dead, now, m.home)
  write_home(m, 'dead', 'max_deliveries')
  count('dead', m.place, 1)
  add('dead', 1)
  tally('died', 1)
  note('dead', 'max_deliveries', '', m.id)
  tell('dead_letter', SHARD, name, text(now), m.home, m.id)
end

-- Gives back whether the letter is this session's own.
local function forget_letter(m, born)
  redis.call('HDEL', key.letters, m.home)
  redis.call('ZREM', key.dead, m.home)
  count('dead', m.place, -1)
  local is_own = session.born == born
  if is_own then add('dead', -1) end
  return is_own
end

local return_batch
do

-- The parts that wait stand behind their siblings of a batch that returns.
local function with_waiting_parts(messages)
  local line = {}
  for i, m in ipairs(messages) do line[i] = m end
  for _, waiting in ipairs(session.groups and read_messages(key.queue, 0, -1) or {}) do
    for i = #line, 1, -1 do
      if is_part_of(line[i], waiting) then
        redis.call('LREM', key.queue, 1, waiting.packed)
        table.insert(line, i + 1, waiting)
        queue_head = nil
        put('jumped', '1')
        break
      end
    end
  end
  return line
end

-- A batch that returns stands in front of everything, in its old order (I3).
function return_batch(messages, reason, counted, settings)
  local kept = {}
  for _, m in ipairs(messages) do
    if counted and is_last_try(m, settings) then
      bury(m)
    else
      if counted then m.returns = m.returns + 1 end
      kept[#kept + 1] = m
    end
  end
  if #kept == 0 then return end
  if counted then tally('redelivered', #kept) end
  local line = with_waiting_parts(kept)
  local behind = head_of_queue()
  push_all('LPUSH', key.queue, pack_all(line, #line, 1, -1))
  for i, m in ipairs(kept) do
    local after = kept[i + 1] or behind
    if after and after.accepted_at < m.accepted_at then put('jumped', '1') end
    queue_changed(m, 1)
    write_home(m, 'waiting', reason)
  end
end

end

local delay_retry
do

local RETRY_DOUBLINGS_MAX = 16

-- A failure holds the whole session, twice as long each time in a row.
function delay_retry(since, settings)
  if settings.retry_delay_ms == 0 then return end
  local doublings = math.min(number('fails'), RETRY_DOUBLINGS_MAX)
  put('retry_at', text(since + settings.retry_delay_ms * 2 ^ doublings))
  add('fails', 1)
end

end

-- Steers and answers that were offered to this run and not seen go on waiting; they are named.
local function unseen_offers(fence)
  local ids = {}
  if session.depth == 0 then return ids end
  for _, m in ipairs(read_messages(key.queue, 0, -1)) do
    if m.offered == fence then ids[#ids + 1] = m.id end
  end
  return ids
end
