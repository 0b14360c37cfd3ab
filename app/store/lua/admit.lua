#!lua
-- Decides one message, in one step.
-- Guarantees: the id is accepted once (I4); what is stored is counted (I2), keeps its
-- sender's order (I3) and has a run, a ready set or a deadline (I5); at most one fence is
-- valid (I1). A refusal stores nothing of the message.
--
-- KEYS  1-3 keys.session_keys
-- ARGV  1 now_us  2 settings_id  3 settings (JSON, empty: as stored; both empty: the session's own)  4 message_id  5 home  6 print
--       7 sender (empty: unknown)  8 owns (1: becomes an owner)  9 is_moderator  10 is_bot
--       11 place (empty: the session's last)  12 holder  13 user_id  14 participant (JSON, empty: none)  15 kind
--       16 control  17 busy  18 dispatch  19 thread (a key's part, empty: none)
--       20 text  21 body  22 the text's part of a print  23 sent_at (milliseconds, empty: none)
--       24 daily boundaries (milliseconds, ascending, a space between); and, left out where all are
--       empty:  25 digest of the thread it was sent in (empty: none)
--       26 version of the chat's memory that was looked at (empty: it does not count)
--       27 the memory with this message  28 why it belongs to its conversation
--       29 group  30 prompt that it answers  31 id that it replies to
--       32 id that the session must have (each empty: none)
--       33 an early edit that was found in the chat's shard: action (empty: none)  34 its text
--       35 its text's part of a print
--
-- Replies
--   elsewhere, session key   another session has this id or this thread: ask there
--   moved                    the chat's memory has changed: look again
--   renamed, chat id         this chat is kept under another id
--   settings                 these are not stored: send them whole
-- and, each followed by one text with the message's state, SESSION, RUN, ACTIVE, QUEUE, CONTROL
-- and the dropped (id, reason, ...), or false:
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

local MOVED_MS = 400 * 86400000

take_in({settings_id = ARGV[2], settings = ARGV[3], message_id = ARGV[4], home = ARGV[5],
  print = ARGV[6], sender = ARGV[7], owns = ARGV[8], is_moderator = ARGV[9] == '1',
  is_bot = ARGV[10] == '1', place = ARGV[11], holder = ARGV[12], user_id = ARGV[13],
  participant = ARGV[14], kind = ARGV[15], control = ARGV[16], busy = ARGV[17],
  dispatch = ARGV[18], thread_part = ARGV[19], text = ARGV[20], body = ARGV[21],
  text_print = ARGV[22], sent_at = ARGV[23], boundaries = ARGV[24], thread = ARGV[25] or '',
  memory_seen = ARGV[26] or '', memory = ARGV[27] or '', why = ARGV[28] or '',
  group = ARGV[29] or '', answers = ARGV[30] or '', reply_to = ARGV[31] or '',
  session_id = ARGV[32] or '', amended = ''})
if (ARGV[33] or '') ~= '' then given.early = {ARGV[33], ARGV[34], ARGV[35]} end

look_up()
local known = read_home(given.home)
if known and known.session ~= name then return {'elsewhere', known.session} end
local renamed = value_of(key.moved)
if not known and renamed and given.session_id == '' then  -- what goes to a session has no chat
  redis.call('PEXPIRE', key.moved, MOVED_MS)
  return {'renamed', renamed}
end
local bound = given.thread ~= '' and value_of(at('thread', given.thread))
if not known and bound and bound ~= name then return {'elsewhere', bound} end
read_session()
if known and known.state then return repeat_answer(known) end
if given.memory_seen ~= '' and memory_version() ~= tonumber(given.memory_seen) then
  return {'moved'}
end
if not take_settings() then return {'settings'} end
for _, id in ipairs(settle()) do
  dropped_now[#dropped_now + 1] = id
  dropped_now[#dropped_now + 1] = 'expired'
end
if is_changed_session() then return refuse('session_changed') end
settings = settings or stored_settings()
if given.place == '' then given.place = session.place end
if is_too_old() then return refuse('too_old') end
if bot_limit_reached() then return refuse('bot_limit') end
if given.control == 'stop' then return stop() end
if given.control == 'reset' then return reset() end
local refused = given.early and apply_early()
if refused then return refuse(refused) end
if given.kind == 'context' then return keep() end
refused = refusal_of_answer()
if refused then return refuse(refused) end
if session.paused then return wait('queue', 'paused') end
if session.fence then return meet_run() end
local reason, debounce_at = hold()
if reason then return wait('queue', reason, {debounce_at = debounce_at}) end
return run_now()
