-- CONTROLS: stop and reset, done at once and remembered.

local stop, reset
do

local stopped, removed  -- by this call: runs and their fences; ids of messages

local function may_stop()
  if given.is_bot then return false end
  return given.is_moderator or settings.stop_by == 'anyone' or (given.sender ~= '' and owns_run())
end

local function stop_here(cause, ends)
  if run.sealed then return end
  stopped[#stopped + 1] = name
  stopped[#stopped + 1] = session.fence
  ask_to_stop(cause, given.user_id, given.message_id, ends)
  note('stop_asked', cause, given.user_id, given.message_id, session.fence)
end

local function remove_own()
  if not session.id or given.sender == '' or waiting_of(given.sender) == 0 then return end
  local reason = given.control == 'stop' and 'stopped' or 'reset'
  for _, m in ipairs(read_messages(key.queue, 0, -1)) do
    if m.sender == given.sender then
      remove_waiting(m, reason, settings.dedupe_ms)
      removed[#removed + 1] = m.id
      note('removed', reason, given.user_id, m.id)
    end
  end
end

-- The runs of the same thread, or outside threads of the same chat with its threads.
local function stop_elsewhere()
  local own, thread = name, given.thread_part
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
  local packed = cmsgpack.pack({name, 'control', 'control', given.print, '', reason, '', now, -1, 0})
  set_value_for(at('id', given.home), packed, settings.dedupe_ms)
end

local function control_answer(reason, pending)
  remember_control(reason)
  if session.id then save() end
  return reply('control', reason,
    {control = {given.control, unless_empty(stopped), unless_empty(removed), session.id or '',
      pending and '1' or ''}})
end

function stop()
  stopped, removed = {}, {}
  if session.fence then
    if not may_stop() then return refuse('not_owner') end
    remove_own()
    stop_here('stop', 'stopped')
    return control_answer(run.sealed and 'too_late' or 'stopped')
  end
  if given.is_bot then return refuse('not_owner') end
  remove_own()
  if session.id then save() end
  stop_elsewhere()
  if #stopped + #removed == 0 then return control_answer('nothing_runs') end
  return control_answer('stopped')
end

-- While nothing runs: moderators and participants, and all where the session is empty.
local function may_reset()
  if given.is_bot then return false end
  if given.is_moderator or not next(participants()) then return true end
  return given.sender ~= '' and participants()[given.sender] ~= nil
end

function reset()
  stopped, removed = {}, {}
  if session.fence then
    if not may_stop() then return refuse('not_owner') end
    remove_own()
    put('reset_pending', 'control')
    stop_here('reset', 'reset')
    return control_answer('reset', true)
  end
  if not session.id and not given.is_bot then return control_answer('nothing_runs') end
  if not may_reset() then return refuse('not_owner') end
  remove_own()
  new_generation('control')
  return control_answer('reset')
end

end
