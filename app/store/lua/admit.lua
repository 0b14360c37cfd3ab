#!lua
-- Decides one message: which of run, queue, interrupt, reject or duplicate, in one step.
-- Guarantees: the id is accepted once (I4); what is stored is counted (I2), keeps its
-- sender's order (I3) and has a run, a ready set or a deadline (I5); at most one fence is
-- valid (I1). A refusal stores nothing.
--
-- KEYS  1-17 keys.SESSION_KEYS
-- ARGV  1 now_us  2 settings_id  3 settings (JSON)  4 message_id  5 home  6 print
--       7 sender (empty: unknown)  8 owns (1: a person's)  9 is_moderator  10 is_bot
--       11 place  12 consumer  13 user_id  14 participant (JSON, empty: none)  15 body
--
-- Replies
--   elsewhere, session key   another session has this id: ask there
-- and, each followed by the message's state, SESSION, RUN, ACTIVE, QUEUE, or false:
--   duplicate, decision      the first decision; RUN only if the grant may be repeated
--   reject, reason           queue_full, sender_queue_full, busy_reject, bot_limit, id_reused
--   run, reason              session_idle; QUEUE only if the batch does not reach the message
--   queue, reason            same_sender_active, other_sender_active, retry_delay, other_account
--   interrupt, reason        same_sender_active, other_sender_active

local settings = cjson.decode(ARGV[3])
local message_id, home, print, sender = ARGV[4], ARGV[5], ARGV[6], ARGV[7]
local is_moderator, is_bot = ARGV[9] == '1', ARGV[10] == '1'
local place, consumer = ARGV[11], ARGV[12]

local function reply(word, reason, extra)
  extra = extra or {}
  return {word, reason, extra.state or false, session_section(), extra.run or false,
    not extra.run and active_section(), extra.queue or false}
end

local function queue_section(position, first)
  local ready_at = not session.fence and session.retry_at or ''
  return {position, session.depth, ready_at, first and '1' or ''}
end

local function position_of(wanted)
  for i, m in ipairs(read_messages(key.queue, 0, -1)) do
    if m.home == wanted then return i end
  end
end

local function repeat_answer(known)
  if known.print ~= print then return reply('reject', 'id_reused', {state = known.state}) end
  local extra = {state = known.state}
  if known.state == 'waiting' then extra.queue = queue_section(position_of(home), false) end
  local same = known.decision == 'run' and run and run.consumer == consumer
  if same and known.state == 'in_run' and is_untouched(known.fence) then
    extra.run = run_section(read_messages(key.batch, 0, -1))
  end
  return reply('duplicate', known.decision, extra)
end

-- Limits concern only messages never granted: what came back from a run is not counted.
local function waiting_never_granted()
  local all, own = session.depth, tonumber(redis.call('HGET', key.senders, sender) or 0)
  if not session.back then return all, own end
  for _, m in ipairs(read_messages(key.queue, 0, -1)) do
    if m.granted ~= '' then
      all = all - 1
      if m.sender == sender then own = own - 1 end
    end
  end
  return all, own
end

local function limit_reached()
  local all, own = waiting_never_granted()
  if all >= settings.queue_max then return 'queue_full' end
  if own >= settings.sender_queue_max then return 'sender_queue_full' end
end

local function bot_limit_reached()
  if not is_bot then return false end
  if number('bots_at') + settings.bot_window_ms <= now then
    put('bots_at', text(now))
    put('bots', '0')
  end
  return number('bots') >= settings.bot_max
end

local function relation_to_run()
  if is_moderator then return 'same_sender' end
  return sender ~= '' and run.owners == sender and 'same_sender' or 'other_sender'
end

local function new_session()
  local number = next_number()
  put('id', number .. '-' .. string.match(TAG, '{(.-)}'))
  put('seq', '0')
  put('new', '1')
end

local function remember_participant(seq)
  if ARGV[14] == '' then return end
  local added = redis.call('HSET', key.participants, sender, seq .. ' ' .. ARGV[14])
  if added == 0 or redis.call('HLEN', key.participants) <= settings.participants_max then return end
  local oldest, oldest_seq
  for person, value in pairs(read_hash(key.participants)) do
    local last_seq = tonumber(string.match(value, '^%d+'))
    if not oldest or last_seq < oldest_seq then oldest, oldest_seq = person, last_seq end
  end
  redis.call('HDEL', key.participants, oldest)
end

local function keep_settings()
  sent_settings = ARGV[2]
  if session.settings ~= ARGV[2] then
    redis.call('HSETNX', key.settings, ARGV[2], ARGV[3])
    put('settings', ARGV[2])
  end
  put('keep_ms', text(settings.session_ttl_ms))
end

local function accept(decision)
  if not session.id then new_session() end
  keep_settings()
  add('seq', 1)
  if is_bot then add('bots', 1) end
  if ARGV[8] == '1' then put('last_at', text(now)) end
  remember_participant(session.seq)
  local m = {seq = tonumber(session.seq), id = message_id, home = home, sender = sender,
    place = place, owns = ARGV[8], granted = '', returns = 0, accepted_at = now,
    decision = decision, print = print, body = ARGV[15]}
  count('accepted', place, 1)
  return m
end

local function is_first() return redis.call('HEXISTS', key.senders, sender) == 0 end

local function wait(decision, reason)
  local first = is_first()
  local m = accept(decision)
  write_home(m, 'waiting', '')
  local position
  if decision == 'interrupt' then position = push_front(m) else push_back(m) end
  save()
  return reply(decision, reason,
    {state = 'waiting', queue = queue_section(position or session.depth, first)})
end

local function request_interrupt()
  if run.interrupt_at then return end
  run.interrupt_at = text(now)
  redis.call('HSET', key.run, 'interrupt_at', run.interrupt_at, 'interrupt_cause', 'message',
    'interrupt_user', ARGV[13], 'interrupt_message', message_id)
  if tonumber(run.grace_ms) == 0 then return end
  run.grace_at = text(now + tonumber(run.grace_ms))
  redis.call('HSET', key.run, 'grace_at', run.grace_at)
  put('over_at', text(deadline_of_run()))
end

local function meet_run()
  local relation = relation_to_run()
  local mode, reason = settings['busy_' .. relation], relation .. '_active'
  if mode == 'reject' then return nil, 'busy_reject' end
  local limit = limit_reached()
  if limit then return nil, limit end
  if mode == 'interrupt' and not is_bot then
    request_interrupt()
    return wait('interrupt', reason)
  end
  return wait('queue', reason)
end

local function run_now()
  local first = is_first()
  local m = accept('run')
  local batch = {m}
  if session.depth > 0 then
    push_back(m)
    write_home(m, 'waiting', '')
    batch = take_batch(settings)
  end
  grant(batch, consumer, settings)
  save()
  local reached = batch[#batch].seq == m.seq
  return reply('run', 'session_idle', {state = reached and 'in_run' or 'waiting',
    run = run_section(batch),
    queue = not reached and queue_section(position_of(home), first)})
end

local function refuse(reason)
  -- What settling found out stands, the message does not.
  if session.id then save() end
  return reply('reject', reason)
end

local known = read_home(home)
if known and known.session ~= NAME then return {'elsewhere', known.session} end
read_session()
if known and known.state then return repeat_answer(known) end
settle()
if bot_limit_reached() then return refuse('bot_limit') end
if session.fence then
  local answer, refusal = meet_run()
  return answer or refuse(refusal)
end
local head = session.depth > 0 and read_messages(key.queue, 0, 0)[1]
local reason = session.retry_at and 'retry_delay'
if not reason and head and account_of(head.place) ~= account_of(place) then
  reason = 'other_account'
end
if not reason then return run_now() end
local limit = limit_reached()
if limit then return refuse(limit) end
return wait('queue', reason)
