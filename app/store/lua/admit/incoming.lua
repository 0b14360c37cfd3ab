-- INCOMING: the message that is decided, as admit.lua names its parts, and the answer to it.

local given
local settings  -- that hold for it
local dropped_now

local function take_in(parts)
  given, settings, dropped_now = parts, nil, {}
  brought = {settings = parts.settings_id, text = parts.text, body = parts.body}
end

local function reply(word, reason, extra)
  extra = extra or {}
  return {word, reason, joined(extra.state or false, session_section(), extra.run or false,
    not extra.run and active_section(), extra.queue or false, extra.control or false,
    unless_empty(dropped_now))}
end

local function refuse(reason)
  if session.id then
    note('reject', reason, given.user_id, given.message_id)
    save()  -- what settling found out stands
  end
  return reply('reject', reason)
end

local function queue_section(position, first)
  local ready_at = not session.fence and held_until() or ''
  return {position, session.depth, ready_at, first and '1' or ''}
end

local function repeat_answer(known)
  if known.print ~= given.print and known.amended ~= given.print then
    return reply('reject', 'id_reused', {state = known.state})
  end
  local extra = {state = known.state}
  if known.state == 'waiting' then
    extra.queue = queue_section(position_of(given.home), false)
  end
  local is_same = run and run.by == given.home and run.consumer == given.holder
  if is_same and is_untouched(session.fence) then extra.run = run_section(read_batch()) end
  return reply('duplicate', known.decision, extra)
end

local apply_early, is_too_old, is_changed_session, memory_version, look_up, take_settings, keep
do

-- What came before the message: an edit gives it its text, a deletion keeps it out.
function apply_early()
  local action, early_text, early_print = unpack(given.early)
  if action == 'delete' then return 'deleted' end
  given.text = early_text
  given.amended = string.sub(given.print, 1, -#given.text_print - 1) .. early_print
end

function is_too_old()
  return given.sent_at ~= '' and tonumber(given.sent_at) <= now - settings.dedupe_ms
end

function is_changed_session()
  return given.session_id ~= '' and (session.id ~= given.session_id or session.reset_pending)
end

function memory_version()
  local packed = value_of(key.memory)
  return packed and cmsgpack.unpack(packed)[1] or 0
end

-- All that this id, its chat and its session are known by, in one look.
function look_up()
  local wanted = {key.session, at('id', given.home), at('early', given.home), key.moved,
    key.participants, key.context, key.counts, key.fence}
  if given.thread ~= '' then wanted[#wanted + 1] = at('thread', given.thread) end
  if given.memory_seen ~= '' then wanted[#wanted + 1] = key.memory end
  if given.settings_id ~= '' then wanted[#wanted + 1] = at('settings', given.settings_id) end
  look_at(wanted)
  local early = value_of(at('early', given.home))
  if early then given.early = cmsgpack.unpack(early) end
end

-- Gives back whether they are at hand. That another call has decoded them does not say that
-- they are still stored.
function take_settings()
  local id = given.settings_id
  if id == '' then return true end
  if given.settings == '' and not value_of(at('settings', id)) then return false end
  settings = settings_named(id, given.settings).decoded
  return true
end

function keep()
  keep_line({home = given.home, id = given.message_id, at = now, text = given.text,
    body = given.body}, settings)
  if session.id then save() else write_values() end
  return reply('kept', 'context')
end

end
