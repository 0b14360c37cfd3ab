-- OPERATORS: they act on what they saw, or not at all. Who did what is kept in the same step.

local ACTIONS_MAX = 1000
local act

local function keep_action(who, verb, result, message_id, fence)
  local kept = cjson.encode({text(now), who, verb, result, name, message_id or '', fence or ''})
  local id = redis.call('XADD', at('actions', AGENT), 'MAXLEN', ACTIONS_MAX, '*', 'action', kept)
  tell('action', SHARD, id, kept)
end

local function leave(result, message_id)
  save()
  keep_action(act.who, act.verb, result, message_id, act.fence)
  return {result}
end

local function leave_changed(message_id) return leave('changed', message_id) end
local function leave_unchanged() return leave('unchanged') end

-- Reads and settles the session; gives back the reply where nothing is to be done, or nil.
local function open_for_operator(verb, who, fence_seen, id_seen)
  read_session()
  if not session.id then return {'unknown'} end
  settle()
  act = {verb = verb, who = who, fence = session.fence}
  local is_seen = (fence_seen == '' or session.fence == fence_seen)
    and (id_seen == '' or session.id == id_seen)
  if not is_seen then return leave('unchanged') end
end
