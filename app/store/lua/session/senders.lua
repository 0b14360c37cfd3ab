-- SENDERS: who waits, and who is the same as whom.

local waiting_of, count_sender, may_wait, of_one_sender
do

-- How many messages of a sender wait, or of an id that is counted.
function waiting_of(sender)
  if session.depth == 0 then return 0 end
  return (redis.call('HGET', key.senders, sender) or 0) + (senders_changed[sender] or 0)
end

-- The id as sent, of this platform, account and scope; nil: unknown.
local function user_of(m)
  if not m.user or m.user == '' then return nil end
  return '\n' .. string.match(m.place, '^[^:]*:[^:]*:[^:]*:') .. m.user
end

-- What a sender is called who has no other name and no other id.
local function plain_name(m)
  local platform, scope = string.match(m.place, '^([^:]*):[^:]*:([^:]*):')
  return platform .. ':' .. (scope == '' and '' or scope .. '/') .. m.user
end

-- A plain name tells the id; of a sender who has another one, the id is counted as well.
function count_sender(m, by)
  senders_changed[m.sender] = (senders_changed[m.sender] or 0) + by
  local user = user_of(m)
  if not user or m.sender == plain_name(m) then return end
  senders_changed[user] = (senders_changed[user] or 0) + by
end

-- Whether anybody waits who has the sender's name, or the sender's id under any name.
function may_wait(m)
  if waiting_of(m.sender) ~= 0 then return true end
  local user = user_of(m)
  return user and (waiting_of(user) ~= 0 or waiting_of(plain_name(m)) ~= 0)
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
