-- SENDERS: who waits, and who is the same as whom.

local waiting_of, plain_name, count_sender, may_wait, of_one_sender
do

-- How many messages of a sender wait, or of an id that is counted.
function waiting_of(sender)
  if session.depth == 0 then return 0 end
  return (redis.call('HGET', key.senders, sender) or 0) + (senders_changed[sender] or 0)
end

-- What a user of this place is called who has no other name and no other id.
function plain_name(place, user)
  local platform, scope = string.match(place, '^([^:]*):[^:]*:([^:]*):')
  return platform .. ':' .. (scope == '' and '' or scope .. '/') .. user
end

-- The id as sent, nil: unknown.
local function id_of(m)
  if m.user ~= '' then return m.user end
  local start = plain_name(m.place, '')
  return string.sub(m.sender, 1, #start) == start and string.sub(m.sender, #start + 1) or nil
end

-- The id, of this platform, account and scope, nil: unknown.
local function user_of(m)
  local id = id_of(m)
  return id and '\n' .. string.match(m.place, '^[^:]*:[^:]*:[^:]*:') .. id
end

-- A plain name tells the id; of a sender who has another one, the id is counted as well.
function count_sender(m, by)
  senders_changed[m.sender] = (senders_changed[m.sender] or 0) + by
  if m.user == '' or m.sender == plain_name(m.place, m.user) then return end
  local user = user_of(m)
  senders_changed[user] = (senders_changed[user] or 0) + by
end

-- Whether anybody waits who has the sender's name, or the sender's id under any name.
function may_wait(m)
  if waiting_of(m.sender) ~= 0 then return true end
  local id = id_of(m)
  return id and (waiting_of(user_of(m)) ~= 0 or waiting_of(plain_name(m.place, id)) ~= 0)
end

-- Which of the messages are of the sender of `m`. Identities may have changed since they were
-- accepted: who has the same name, or the same id, is one sender, or they would overtake.
function of_one_sender(messages, m)
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

end
