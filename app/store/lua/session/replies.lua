-- REPLIES: sections that replies.py reads, one reader each. What the caller has sent itself it
-- knows: that is not sent back.

-- Sections as one text: a list costs the server more the more lists are in it, for it looks in each
-- for an error, a map and six things more that a list could be. A list in one that may be empty is
-- false then: cjson would make an object of it.
local function joined(...) return cjson.encode({...}) end

local function unless_empty(list) return list and list[1] ~= nil and list or false end

local function session_section()
  if not session.id then return false end
  local settings, shown = session.settings ~= brought.settings
    and settings_named(session.settings).json, {}
  for _, person in pairs(participants()) do shown[#shown + 1] = person end
  return {session.id, session.new or '', session.previous_id or '', session.reset_reason or '',
    session.tokens or '', session.limit or '', settings or '',
    unless_empty(shown), session.thread or ''}
end

local message_section, sections_of, run_section, active_section, interrupt_section,
  offered_section, running_section
do

-- A text that is false, and a body that is empty, is what the caller has sent.
function message_section(m)
  return {text(m.seq), m.id, text(m.returns), text(m.accepted_at), m.text ~= brought.text and m.text,
    m.body ~= brought.body and m.body or '', m.answers or ''}
end

function sections_of(messages)
  local sections = {}
  for i, m in ipairs(messages) do sections[i] = message_section(m) end
  return sections
end

local function omitted_section()
  if run.omitted == '0' then return false end
  local later = number('omitted') - tonumber(run.omitted)  -- for the next run
  local omitted = redis.call('LRANGE', key.omitted, 0, -1 - later)
  for i, packed in ipairs(omitted) do omitted[i] = cmsgpack.unpack(packed) end
  return {run.omitted, unless_empty(omitted)}
end

local function data_section()
  if not session.data then return false end
  local values = redis.call('HMGET', key.data, 'current', 'previous')
  return {values[1] or '', values[2] or ''}
end

function run_section(batch)
  local back = read_end(run.back_from)
  local ended = back and (back.ended ~= '' and back.ended or back.outcome)
  return {run.fence, run.consumer, run.started_at, session.over_at, run.lease_ms,
    run.session_id, run.back_from, ended or '', back and back.reason or '',
    back and back.sealed or '', unless_empty(back and back.sent), omitted_section(),
    sections_of(batch), run.place,
    unless_empty(run.context
      and context_section(tonumber(run.context_from or 0), tonumber(run.context))),
    data_section(), run.isolation or ''}
end

local function asking_section()
  return is_asking() and {run.prompt, run.prompt_until} or false
end

function active_section()
  if not session.fence then return false end
  return {session.fence, run.consumer, run.started_at, run.owners, run.status or '',
    asking_section()}
end

function interrupt_section()
  if not run.interrupt_at then return false end
  return {run.interrupt_cause, run.interrupt_user, run.interrupt_message, run.interrupt_at,
    run.grace_at or ''}
end

-- What is offered to the active run and not yet seen, steers and answers, each with the
-- isolation it was sent under.
function offered_section()
  if not run.offers or session.depth == 0 then return false end
  local offered = {}
  for _, m in ipairs(read_messages(key.queue, 0, -1)) do
    if m.offered == session.fence then
      local section = message_section(m)
      section[#section + 1] = run.offers
      offered[#offered + 1] = section
    end
  end
  return unless_empty(offered)
end

function running_section()
  if not session.fence then return false end
  local ids = {}
  for i, m in ipairs(read_batch()) do ids[i] = m.id end
  return {session.fence, run.consumer, run.session_id, run.started_at, session.over_at,
    run.owners, run.status or '', run.sealed or '', interrupt_section(), ids,
    unpacked(run.sent), run.held or '', asking_section()}
end

end
