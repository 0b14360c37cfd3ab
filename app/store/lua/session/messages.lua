-- MESSAGES: as the lists `queue` and `batch` hold them. `granted` is the fence of the last
-- run that had it, `offered` of the run it was steered to, empty for none; `returns` counts
-- the counted returns; a time of 0 is never; text and body are opaque; `user` is the id as sent,
-- empty where `sender` tells it; `group` is the burst that it is a part of, which waits for more
-- until `group_until`, and `answers` the prompt that it was offered as an answer to, empty for
-- none. Releases share a store: fields are added at the end only. What a newer one added is kept,
-- unread; what an older one did not write is empty, and what is empty at the end is not written.

local pack_message, unpack_message, arrival_of, read_messages, pack_all, push_all, read_batch, write_batch
do

local FIELDS = 22

-- Spelled out, both: a table of known size is made faster than one that grows.
function pack_message(m)
  local values = {m.seq, m.id, m.home, m.sender, m.place, m.kind, m.owns, m.granted, m.granted_at,
    m.returns, m.accepted_at, m.expires_at, m.offered, m.decision, m.print, m.amended, m.text,
    m.body, m.user, m.group, m.group_until, m.answers}
  for i = 1, m.unread and #m.unread or 0 do values[FIELDS + i] = m.unread[i] end
  local last = #values
  while values[last] == '' do
    values[last], last = nil, last - 1
  end
  return cmsgpack.pack(values)
end

local function message_of(values)
  for i = #values + 1, FIELDS do values[i] = '' end
  local m = {seq = values[1], id = values[2], home = values[3], sender = values[4],
    place = values[5], kind = values[6], owns = values[7], granted = values[8],
    granted_at = values[9], returns = values[10], accepted_at = values[11],
    expires_at = values[12], offered = values[13], decision = values[14], print = values[15],
    amended = values[16], text = values[17], body = values[18], user = values[19],
    group = values[20], group_until = values[21], answers = values[22]}
  if #values > FIELDS then m.unread = {unpack(values, FIELDS + 1)} end
  return m
end

function unpack_message(packed)
  local m = message_of(cmsgpack.unpack(packed))
  m.packed = packed
  return m
end

-- Of a message that is not wanted whole.
function arrival_of(packed) return cmsgpack.unpack(packed)[11] end

function read_messages(list, first, last)
  local messages = redis.call('LRANGE', list, first, last)
  for i, packed in ipairs(messages) do messages[i] = unpack_message(packed) end
  return messages
end

function pack_all(messages, first, last, step)
  local packed = {}
  for i = first, last, step do packed[#packed + 1] = pack_message(messages[i]) end
  return packed
end

-- A Lua call takes about 8,000 values.
function push_all(command, list, packed)
  for i = 1, #packed, PUSHED_MAX do
    redis.call(command, list, unpack(packed, i, math.min(i + PUSHED_MAX - 1, #packed)))
  end
end

-- A batch is one text: its packed messages, one after the other. Read in portions, for a C function
-- gives back about 8,000 values at most.
function read_batch()
  local packed, messages, offset = value_of(key.batch), {}, 0
  while packed and offset ~= -1 do
    local portion = {cmsgpack.unpack_limit(packed, PUSHED_MAX, offset)}
    offset = portion[1]
    for i = 2, #portion do messages[#messages + 1] = message_of(portion[i]) end
  end
  return messages
end

function write_batch(messages)
  set_value(key.batch, table.concat(pack_all(messages, 1, #messages, 1)))
end

end

local function platform_of(place) return string.match(place, '^[^:]*') end
local function account_of(place) return string.match(place, '^[^:]*:[^:]*') end
