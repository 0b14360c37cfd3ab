-- STORING: a message that is accepted, and one that waits.

local wait, accept, watch_expiry
do

local PARTICIPANTS_MAX = 50

local function forget_oldest(known)
  local number_known, oldest, oldest_seq = 0, nil, math.huge
  for _ in pairs(known) do number_known = number_known + 1 end
  if number_known <= PARTICIPANTS_MAX then return end
  for person, value in pairs(known) do
    local last_seq = tonumber(string.match(value, '^%d+'))
    if last_seq < oldest_seq then oldest, oldest_seq = person, last_seq end
  end
  known[oldest] = nil
end

-- Who is alone is the latest already.
local function remember_participant(seq)
  if given.participant == '' then return end
  local known, sender, person = participants(), given.sender, ' ' .. given.participant
  local before = known[sender]
  local is_alone = before and not next(known, next(known))
  if is_alone and string.sub(before, -#person) == person then return end
  known[sender] = seq .. person
  if not before then forget_oldest(known) end
  set_value(key.participants, cmsgpack.pack(known))
end

local function keep_settings()
  if given.settings_id == '' then return end
  local stored_as = at('settings', given.settings_id)
  if not value_of(stored_as) then set_value(stored_as, given.settings) end
  put('settings', given.settings_id)
  put('keep_ms', text(settings.session_ttl_ms))
end

local function remember_conversation()
  if given.memory_seen == '' then return end
  local packed = cmsgpack.pack({tonumber(given.memory_seen) + 1, given.memory})
  set_value_for(key.memory, packed, settings.session_ttl_ms)
  note('conversation', given.why, given.user_id, given.message_id)
end

function accept(decision, reason)
  if not session.id then
    put('id', new_session_id())
    put('new', '1')
  end
  keep_settings()
  if session.place ~= given.place then put('place', given.place) end
  add('seq', 1)
  if given.is_bot then add('bots', 1) end
  if given.kind == 'user' or not session.last_at then put('last_at', text(now)) end
  if given.kind == 'user' then renew_idle_clock(settings, now) end
  -- One that has passed while a run is active waits for the end of it.
  if given.settings_id ~= '' and not daily_is_due() then keep_boundaries(given.boundaries) end
  remember_participant(session.seq)
  remember_conversation()
  forget_line(given.home, settings)
  if given.early then drop_value(at('early', given.home)) end
  count('accepted', given.place, 1)
  note(decision, reason, given.user_id, given.message_id)
  local is_plain = given.sender == plain_name(given.place, given.user_id)
  local expires_at = settings.ttl_ms and now + settings.ttl_ms or 0
  return {seq = tonumber(session.seq), id = given.message_id, home = given.home,
    sender = given.sender, place = given.place, kind = given.kind, owns = given.owns,
    granted = '', granted_at = 0, returns = 0, accepted_at = now, expires_at = expires_at,
    offered = '', decision = decision, print = given.print, amended = given.amended,
    text = given.text, body = given.body, user = is_plain and '' or given.user_id,
    group = given.group, group_until = '', answers = ''}
end

function watch_expiry(m)
  if m.expires_at == 0 then return end
  put('expire_at', text(math.min(m.expires_at, tonumber(session.expire_at or m.expires_at))))
end

local function offer_to_run(m)
  m.offered = session.fence
  put_run({offers = settings.isolation})
  signal(run.consumer)
end

-- Stores a message that does not run now, if the limits let it; what it asks of the run or
-- of the session is written only then.
function wait(decision, reason, also)
  local waiting = waiting_of(given.sender)  -- before anything of this sender is dropped
  local limit = decision ~= 'answer' and limit_reached(waiting)
  if limit then return refuse(limit) end
  also = also or {}
  local m = accept(decision, reason)
  if decision == 'interrupt' then ask_to_stop('message', given.user_id, given.message_id) end
  if decision == 'answer' then m.answers = run.prompt end
  if decision == 'steer' or decision == 'answer' then offer_to_run(m) end
  if also.debounce_at then put('debounce_at', text(also.debounce_at)) end
  m.group_until = window_of(m, settings) or ''
  write_home(m, 'waiting', '')
  watch_expiry(m)
  local position
  if also.in_front then position = push_front(m) else position = push_back(m) end
  save()
  return reply(decision, reason,
    {state = 'waiting', queue = queue_section(position or session.depth, waiting == 0)})
end

end
