#!lua flags=allow-oom
-- Settles what has run out in one session, and retires it when it was idle for long enough.
-- Guarantees: any number of routers may do it, it is done once; afterwards the session has a
-- deadline in the future or none (I5).
--
-- KEYS  1-3 keys.session_keys
-- ARGV  1 now_us
--
-- Replies
--   settled, cause           lease_expired, max_run, grace, or empty if no run ended
--   retired
--   unknown                  no such session

read_session()
if not session.id then
  redis.call('ZREM', key.due, name)
  return {'unknown'}
end
deadline_before = false  -- filed anew, whatever brought the sweep here
local cause = passed('over_at') and cause_of_end() or ''
settle()
save()
if state_of() == 'idle' and number('last_at') + number('keep_ms') <= now then
  forget_session()
  return {'retired'}
end
return {'settled', cause}
