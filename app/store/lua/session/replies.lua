-- REPLIES: sections that replies.py reads, one reader each.

-- The caller knows the settings that it sent itself: they are not sent back.
local sent_settings

local function session_section()
  if not session.id then return false end
  local settings = session.settings ~= sent_settings
    and redis.call('HGET', key.settings, session.settings)
  return {session.id, session.new or '', session.previous_id or '', session.reset_reason or '',
    session.tokens or '', session.limit or '', settings or '',
    redis.call('HVALS', key.participants)}
end

local function message_section(m)
  return {m.seq, m.id, m.returns, m.accepted_at, m.body}
end

local function run_section(batch)
  local back, messages = read_end(run.back_from), {}
  for i, m in ipairs(batch) do messages[i] = message_section(m) end
  return {run.fence, run.consumer, run.started_at, session.lease_at, run.lease_ms,
    run.session_id, run.back_from, back and (back.ended or back.outcome) or '',
    back and back.reason or '', messages}
end

local function active_section()
  if not session.fence then return false end
  return {session.fence, run.consumer, run.started_at, run.owners, run.status or ''}
end

-- A grant may be given again while its holder has made no call on it.
local function is_untouched(fence)
  return session.fence == fence and not run.touched and now < tonumber(session.over_at)
end

local function interrupt_section(record)
  if not record.interrupt_at then return false end
  return {record.interrupt_cause, record.interrupt_user, record.interrupt_message,
    record.interrupt_at, record.grace_at or ''}
end

local function running_section()
  if not session.fence then return false end
  local ids = {}
  for i, m in ipairs(read_messages(key.batch, 0, -1)) do ids[i] = m.id end
  return {session.fence, run.consumer, run.session_id, run.started_at, session.lease_at,
    run.owners, run.status or '', interrupt_section(run), ids}
end
