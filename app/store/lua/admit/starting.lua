-- STARTING: what a message does where nothing runs.

local hold, run_now
do

-- When a burst of user messages is over, or nil if nothing is to be waited for.
local function debounce_until()
  local is_counted = given.kind == 'user' and settings.debounce_ms > 0
  if not is_counted then return tonumber(session.debounce_at) end
  local oldest = session.depth > 0 and oldest_waiting_at() or now
  local ready_at = math.min(now + settings.debounce_ms, oldest + settings.debounce_max_ms)
  return ready_at > now and ready_at or nil
end

-- Why a message waits although nothing runs, and until when if it is a debounce.
function hold()
  if session.retry_at then return 'retry_delay' end
  local debounce_at = debounce_until()
  if window_of(given, settings) or open_head_until() then return 'group', debounce_at end
  if debounce_at then return 'debounce', debounce_at end
  if given.dispatch == 'worker' then return 'dispatch_worker' end
  local head = head_of_queue()
  if head and account_of(head.place) ~= account_of(given.place) then return 'other_account' end
end

function run_now()
  local first = waiting_of(given.sender) == 0
  local m = accept('run', 'session_idle')
  local batch = {m}
  if session.depth > 0 then
    write_home(m, 'waiting', '')
    watch_expiry(m)
    push_back(m)
    batch = take_batch(settings)
  end
  grant(batch, given.holder, settings, given.home)
  save()
  local reached = false  -- a part of a burst may stand before others
  for _, one in ipairs(batch) do reached = reached or one.home == given.home end
  local queue = not reached and queue_section(position_of(given.home), first)
  return reply('run', 'session_idle',
    {state = reached and 'in_run' or 'waiting', run = run_section(batch), queue = queue})
end

end
