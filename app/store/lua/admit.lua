#!lua
-- Decides one message, in one step.
-- Guarantees: the id is accepted once (I4); what is stored is counted (I2), keeps its
-- sender's order (I3) and has a run, a ready set or a deadline (I5); at most one fence is
-- valid (I1). A refusal stores nothing of the message.
--
-- KEYS  1-26 keys.SESSION_KEYS
-- ARGV  1 now_us  2 settings_id  3 settings (JSON; both empty: the session's own)  4 message_id  5 home  6 print
--       7 sender (empty: unknown)  8 owns (1: becomes an owner)  9 is_moderator  10 is_bot
--       11 place (empty: the session's last)  12 holder  13 user_id  14 participant (JSON, empty: none)  15 kind
--       16 control  17 busy  18 dispatch  19 thread (a key's part, empty: none)
--       20 text  21 body  22 daily boundaries (milliseconds, ascending, a space between)
--       23 digest of the thread it was sent in (empty: none)
--       24 version of the chat's memory that was looked at (empty: it does not count)
--       25 the memory with this message  26 why it belongs to its conversation
--       27 group  28 prompt that it answers  29 id that it replies to  30 sent_at (milliseconds)
--       31 id that the session must have (each empty: none)
--       32 the text's part of a print  33 an early edit that was found in the
--       chat's shard: action (empty: none)  34 its text  35 its text's part of a print
--
-- Replies
--   elsewhere, session key   another session has this id or this thread: ask there
--   moved                    the chat's memory has changed: look again
--   renamed, chat id         this chat is kept under another id
-- and, each followed by the message's state, SESSION, RUN, ACTIVE, QUEUE, CONTROL (or false)
-- and the dropped (id, reason, ...):
--   duplicate, decision      the first decision; RUN only if the grant may be repeated
--   reject, reason           queue_full, sender_queue_full, busy_reject, bot_limit, id_reused,
--                            not_owner, too_old, session_changed, prompt_gone, deleted
--   run, reason              session_idle; QUEUE only if the batch does not reach the message
--   queue, reason            same_sender_active, other_sender_active, internal, paused,
--                            run_sealed, run_held, interrupt_pending, retry_delay, group,
--                            debounce, dispatch_worker, other_account
--   interrupt, reason        same_sender_active, other_sender_active
--   steer, reason            same_sender_active, other_sender_active
--   answer, reason           asking
--   kept, reason             context
--   control, reason          stopped, reset, nothing_runs, too_late

local settings = ARGV[2] ~= '' and settings_named(ARGV[2], ARGV[3]).decoded
local message_id, home, print, sender = ARGV[4], ARGV[5], ARGV[6], ARGV[7]
local is_moderator, is_bot = ARGV[9] == '1', ARGV[10] == '1'
local place, holder, user_id, kind = ARGV[11], ARGV[12], ARGV[13], ARGV[15]
local message_text, amended, early = ARGV[20], '', nil
local group, answers, reply_to = ARGV[27], ARGV[28], ARGV[29]
local dropped_now = {}

local function reply(word, reason, extra)
  extra = extra or {}
  return {word, reason, extra.state or false, session_section(), extra.run or false,
    not extra.run and active_section(), extra.queue or false, extra.control or false,
    dropped_now}
end

local function queue_section(position, first)
  local ready_at = not session.fence and held_until() or ''
  return {position, session.depth, ready_at, first and '1' or ''}
end

local function repeat_answer(known)
  if known.print ~= print and known.amended ~= print then
    return reply('reject', 'id_reused', {state = known.state})
  end
  local extra = {state = known.state}
  if known.state == 'waiting' then extra.queue = queue_section(position_of(home), false) end
  local is_same = run and run.by == home and run.consumer == holder
  if is_same and is_untouched(session.fence) then
    extra.run = run_section(read_messages(key.batch, 0, -1))
  end
  return reply('duplicate', known.decision, extra)
end

local function refuse(reason)
  if session.id then
    note('reject', reason, user_id, message_id)
    save()  -- what settling found out stands
  end
  return reply('reject', reason)
end

-- LIMITS

local limit_reached, bot_limit_reached
do

-- They concern only messages never granted: what came back from a run is not counted.
local function waiting_never_granted(own)
  local all = session.depth
  if not session.back then return all, own end
  for _, m in ipairs(read_messages(key.queue, 0, -1)) do
    if m.granted ~= '' then
      all = all - 1
      if m.sender == sender then own = own - 1 end
    end
  end
  return all, own
end

local function drop_own_oldest()
  local oldest
  for _, m in ipairs(read_messages(key.queue, 0, -1)) do
    local is_own = m.sender == sender and m.granted == ''
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
  if not is_bot then return false end
  if number('bots_at') + settings.bot_window_ms <= now then
    put('bots_at', text(now))
    put('bots', '0')
  end
  return number('bots') >= settings.bot_max
end

end

-- STORING

local wait, accept, watch_expiry, memory_version
do

local function forget_oldest(known)
  local oldest, oldest_seq, number_known = nil, math.huge, 0
  for person, value in pairs(known) do
    local last_seq = tonumber(string.match(value, '^%d+'))
    if last_seq < oldest_seq then oldest, oldest_seq = person, last_seq end
    number_known = number_known + 1
  end
  if number_known <= PARTICIPANTS_MAX then return end
  known[oldest] = nil
  redis.call('HDEL', key.participants, oldest)
end

-- Who is alone is the latest already.
local function remember_participant(seq)
  if ARGV[14] == '' then return end
  local known = participants()
  local is_alone = known[sender] and not next(known, next(known))
  if is_alone and string.sub(known[sender], -#ARGV[14] - 1) == ' ' .. ARGV[14] then return end
  local is_new = not known[sender]
  known[sender] = seq .. ' ' .. ARGV[14]
  redis.call('HSET', key.participants, sender, known[sender])
  if is_new then forget_oldest(known) end
end

local function keep_settings()
  if ARGV[2] == '' then return end
  sent_settings = ARGV[2]
  if session.settings ~= ARGV[2] then
    redis.call('HSETNX', key.settings, ARGV[2], ARGV[3])
    put('settings', ARGV[2])
  end
  put('keep_ms', text(settings.session_ttl_ms))
end

function memory_version()
  local packed = redis.call('GET', key.memory)
  return packed and cmsgpack.unpack(packed)[1] or 0
end

local function remember_conversation()
  if ARGV[24] == '' then return end
  local packed = cmsgpack.pack({tonumber(ARGV[24]) + 1, ARGV[25]})
  redis.call('SET', key.memory, packed, 'PX', settings.session_ttl_ms)
  note('conversation', ARGV[26], user_id, message_id)
end

function accept(decision, reason)
  if not session.id then
    put('id', new_session_id())
    put('new', '1')
  end
  keep_settings()
  if session.place ~= place then put('place', place) end
  add('seq', 1)
  if is_bot then add('bots', 1) end
  if kind == 'user' or not session.last_at then put('last_at', text(now)) end
  if kind == 'user' then renew_idle_clock(settings, now) end
  -- One that has passed while a run is active waits for the end of it.
  if ARGV[2] ~= '' and not daily_is_due() then keep_boundaries(ARGV[22]) end
  remember_participant(session.seq)
  remember_conversation()
  forget_line(home, settings)
  if early then redis.call('DEL', at('early', home)) end
  count('accepted', place, 1)
  note(decision, reason, user_id, message_id)
  local expires_at = settings.ttl_ms and now + settings.ttl_ms or 0
  return {seq = tonumber(session.seq), id = message_id, home = home, sender = sender,
    place = place, kind = kind, owns = ARGV[8], granted = '', granted_at = 0,
    returns = 0, accepted_at = now,
    expires_at = expires_at, offered = '', decision = decision, print = print, amended = amended,
    text = message_text, body = ARGV[21], user = user_id, group = group, group_until = 0,
    answers = ''}
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
  local waiting = waiting_of(sender)  -- before anything of this sender is dropped
  local limit = decision ~= 'answer' and limit_reached(waiting)
  if limit then return refuse(limit) end
  also = also or {}
  local m = accept(decision, reason)
  if decision == 'interrupt' then ask_to_stop('message', user_id, message_id) end
  if decision == 'answer' then m.answers = run.prompt end
  if decision == 'steer' or decision == 'answer' then offer_to_run(m) end
  if also.debounce_at then put('debounce_at', text(also.debounce_at)) end
  m.group_until = window_of(m, settings) or 0
  write_home(m, 'waiting', '')
  watch_expiry(m)
  local position
  if also.in_front then position = push_front(m) else position = push_back(m) end
  save()
  return reply(decision, reason,
    {state = 'waiting', queue = queue_section(position or session.depth, waiting == 0)})
end

end

-- A RUN IS ACTIVE

local function owns_run()
  for owner in string.gmatch(run.owners, '[^\n]+') do
    if owner == sender then return true end
  end
  return run.owners == '' and redis.call('HEXISTS', key.participants, sender) == 1
end

local meet_run, refusal_of_answer
do

local STRENGTH = {interrupt = 3, steer = 2, queue = 1, reject = 0}

local function relation_to_run()
  if is_moderator then return 'same_sender' end
  return sender ~= '' and run.owners == sender and 'same_sender' or 'other_sender'
end

-- A message's own mode: any for the sole owner, for others only a weaker one.
local function busy_mode(relation)
  local mode, own = settings['busy_' .. relation], ARGV[17]
  if own ~= '' and (relation == 'same_sender' or STRENGTH[own] < STRENGTH[mode]) then mode = own end
  if is_bot and mode ~= 'reject' then return 'queue' end
  if mode ~= 'steer' then return mode end
  if place ~= run.place then return 'queue' end
  if redis.call('LLEN', key.batch) >= BATCH_WITH_STEERS_MAX then return 'queue' end
  return mode
end

-- A listed id is one of the run's own platform, as sent or as the person's first, or an identity.
local function is_listed()
  local is_near = platform_of(place) == platform_of(run.place)
  local first_id = string.match(sender, '[:/]([^:/]*)$')
  for _, user in ipairs(cjson.decode(run.prompt_users)) do
    if user == sender or is_near and (user == user_id or user == first_id) then return true end
  end
  return false
end

-- Who may answer what the active run asks; a bot only where it is named.
local function may_answer()
  if run.prompt_from == 'listed' then return is_listed() end
  if is_bot then return false end
  return run.prompt_from == 'anyone' or (sender ~= '' and owns_run())
end

function refusal_of_answer()
  if answers == '' then return nil end
  if not session.fence or not is_asking() or run.prompt ~= answers then return 'prompt_gone' end
  return not may_answer() and 'not_owner' or nil
end

local function chat_of_place(of) return string.match(of, '^(.*):') end

-- With `answers`, as a reply to the prompt, or as plain text on its route.
local function is_answer()
  if kind ~= 'user' or not is_asking() or not may_answer() then return false end
  if session.depth + redis.call('LLEN', key.batch) >= BATCH_WITH_STEERS_MAX then return false end
  if answers ~= '' then return true end
  if reply_to ~= '' then
    return reply_to == run.prompt_reply_to and chat_of_place(place) == chat_of_place(run.place)
  end
  return ARGV[17] == '' and place == run.place
end

local function run_has_sibling()
  if group == '' then return false end
  local part = {group = group, sender = sender, place = place}
  for _, m in ipairs(read_messages(key.batch, 0, -1)) do
    if is_part_of(m, part) then return true end
  end
  return false
end

function meet_run()
  if is_answer() then return wait('answer', 'asking', {in_front = true}) end
  if run.sealed then return wait('queue', 'run_sealed') end
  if run.held then return wait('queue', 'run_held') end
  if kind == 'internal' then return wait('queue', 'internal') end
  if run_has_sibling() then return wait('queue', 'group') end
  local relation = relation_to_run()
  local mode, reason = busy_mode(relation), relation .. '_active'
  if mode == 'reject' then return refuse('busy_reject') end
  if mode == 'queue' then return wait('queue', reason) end
  if mode == 'steer' and run.interrupt_at then
    return wait('queue', 'interrupt_pending', {in_front = true})
  end
  return wait(mode, reason, {in_front = true})
end

end

-- NOTHING RUNS

local hold, run_now
do

-- When a burst of user messages is over, or nil if nothing is to be waited for.
local function debounce_until()
  if kind ~= 'user' or settings.debounce_ms == 0 then return tonumber(session.debounce_at) end
  local oldest = session.depth > 0 and oldest_waiting_at() or now
  local ready_at = math.min(now + settings.debounce_ms, oldest + settings.debounce_max_ms)
  return ready_at > now and ready_at or nil
end

-- Why a message waits although nothing runs, and until when if it is a debounce.
function hold()
  if session.retry_at then return 'retry_delay' end
  local debounce_at = debounce_until()
  local part = {group = group, sender = sender, place = place}
  if window_of(part, settings) or open_head_until() then return 'group', debounce_at end
  if debounce_at then return 'debounce', debounce_at end
  if ARGV[18] == 'worker' then return 'dispatch_worker' end
  local head = head_of_queue()
  if head and account_of(head.place) ~= account_of(place) then return 'other_account' end
end

function run_now()
  local first = waiting_of(sender) == 0
  local m = accept('run', 'session_idle')
  local batch = {m}
  if session.depth > 0 then
    write_home(m, 'waiting', '')
    watch_expiry(m)
    push_back(m)
    batch = take_batch(settings)
  end
  grant(batch, holder, settings, home)
  save()
  local reached = false  -- a part of a burst may stand before others
  for _, one in ipairs(batch) do reached = reached or one.home == home end
  return reply('run', 'session_idle', {state = reached and 'in_run' or 'waiting',
    run = run_section(batch), queue = not reached and queue_section(position_of(home), first)})
end

end

-- CONTROLS

local stop, reset
do

local stopped, removed = {}, {}

local function may_stop()
  if is_bot then return false end
  return is_moderator or settings.stop_by == 'anyone' or (sender ~= '' and owns_run())
end

local function stop_here(cause, ends)
  if run.sealed then return end
  stopped[#stopped + 1] = name
  stopped[#stopped + 1] = session.fence
  ask_to_stop(cause, user_id, message_id, ends)
  note('stop_asked', cause, user_id, message_id, session.fence)
end

local function remove_own()
  if not session.id or sender == '' then return end
  local reason = ARGV[16] == 'stop' and 'stopped' or 'reset'
  for _, id in ipairs(remove_waiting_of(sender, reason, settings.dedupe_ms)) do
    removed[#removed + 1] = id
    note('removed', reason, user_id, id)
  end
end

-- The runs of the same thread, or outside threads of the same chat with its threads.
local function stop_elsewhere()
  local own, thread = name, ARGV[19]
  for _, other in ipairs(redis.call('SMEMBERS', key.active)) do
    if other ~= own then
      turn_to(other)
      local runs = session.fence and now < tonumber(session.over_at)
        and (thread == '' or ':thread:' .. string.match(run.place, '[^:]*$') == thread)
      if runs and not run.sealed and may_stop() then
        remove_own()
        stop_here('stop', 'stopped')
        save()
      end
    end
  end
  turn_to(own)
end

local function remember_control(reason)
  redis.call('SET', at('id', home), cmsgpack.pack({name, 'control', 'control', print, '',
    reason, '', now, -1, 0}), 'PX', settings.dedupe_ms)
end

local function control_answer(reason, pending)
  remember_control(reason)
  if session.id then save() end
  return reply('control', reason,
    {control = {ARGV[16], stopped, removed, session.id or '', pending and '1' or ''}})
end

function stop()
  if session.fence then
    if not may_stop() then return refuse('not_owner') end
    remove_own()
    stop_here('stop', 'stopped')
    return control_answer(run.sealed and 'too_late' or 'stopped')
  end
  if is_bot then return refuse('not_owner') end
  remove_own()
  if session.id then save() end
  stop_elsewhere()
  if #stopped + #removed == 0 then return control_answer('nothing_runs') end
  return control_answer('stopped')
end

-- While nothing runs: moderators and participants, and all where the session is empty.
local function may_reset()
  if is_bot then return false end
  if is_moderator or redis.call('EXISTS', key.participants) == 0 then return true end
  return sender ~= '' and redis.call('HEXISTS', key.participants, sender) == 1
end

function reset()
  if session.fence then
    if not may_stop() then return refuse('not_owner') end
    remove_own()
    put('reset_pending', 'control')
    stop_here('reset', 'reset')
    return control_answer('reset', true)
  end
  if not session.id then return is_bot and refuse('not_owner') or control_answer('nothing_runs') end
  if not may_reset() then return refuse('not_owner') end
  remove_own()
  new_generation('control')
  return control_answer('reset')
end

end

-- CONTEXT

local function keep()
  keep_line({home = home, id = message_id, at = now, text = message_text, body = ARGV[21]}, settings)
  if session.id then save() end
  return reply('kept', 'context')
end

-- What came before the message: an edit gives it its text, a deletion keeps it out.
local function apply_early()
  local action, early_text, early_print = unpack(early)
  if action == 'delete' then return 'deleted' end
  message_text = early_text
  amended = string.sub(print, 1, -#ARGV[32] - 1) .. early_print
end

local function is_too_old()
  return ARGV[30] ~= '' and tonumber(ARGV[30]) <= now - settings.dedupe_ms
end

local function is_changed()
  return ARGV[31] ~= '' and (session.id ~= ARGV[31] or session.reset_pending)
end

-- All that this id, its chat and its thread are known by, in one look.
local CHAT = string.sub(KEYS[24], #TAG + #'memory:' + 1)
local bound, renamed
local function look_up()
  local wanted = {at('id', home), at('early', home), at('moved', CHAT), key.context}
  if ARGV[23] ~= '' then wanted[5] = at('thread', ARGV[23]) end
  local found = redis.call('MGET', unpack(wanted))
  early = found[2] and cmsgpack.unpack(found[2]) or ARGV[33] ~= '' and {ARGV[33], ARGV[34], ARGV[35]}
  renamed, context_packed, bound = found[3], found[4], found[5]
  return found[1] and unpack_home(found[1])
end

local known = look_up()
if known and known.session ~= name then return {'elsewhere', known.session} end
if not known and renamed and ARGV[31] == '' then  -- what goes to a session has no chat
  redis.call('PEXPIRE', at('moved', CHAT), MOVED_MS)
  return {'renamed', renamed}
end
if not known and bound and bound ~= name then return {'elsewhere', bound} end
read_session()
if known and known.state then return repeat_answer(known) end
if ARGV[24] ~= '' and memory_version() ~= tonumber(ARGV[24]) then return {'moved'} end
for _, id in ipairs(settle()) do
  dropped_now[#dropped_now + 1] = id
  dropped_now[#dropped_now + 1] = 'expired'
end
if is_changed() then return refuse('session_changed') end
settings = settings or stored_settings()
place = place ~= '' and place or session.place
if is_too_old() then return refuse('too_old') end
if bot_limit_reached() then return refuse('bot_limit') end
if ARGV[16] == 'stop' then return stop() end
if ARGV[16] == 'reset' then return reset() end
local refused = early and apply_early()
if refused then return refuse(refused) end
if kind == 'context' then return keep() end
refused = refusal_of_answer()
if refused then return refuse(refused) end
if session.paused then return wait('queue', 'paused') end
if session.fence then return meet_run() end
local reason, debounce_at = hold()
if reason then return wait('queue', reason, {debounce_at = debounce_at}) end
return run_now()
