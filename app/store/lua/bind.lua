#!lua
-- Binds the thread that a gateway made for a message to the session which that message
-- opened. Guarantees: a thread has one session; repeated, it changes nothing; what the
-- session has of that message belongs to the thread from then on.
--
-- KEYS  1-26 keys.SESSION_KEYS
-- ARGV  1 now_us  2 digest of the thread  3 thread_id  4 its part of a place
--       5 key of the session that the thread would have by itself
--
-- Replies
--   bound
--   taken                    the thread has another session, or the session another thread
--   unknown                  no such session

local digest, thread_id = ARGV[2], ARGV[3]

-- A place ends with its thread, empty outside threads.
local function in_thread(place) return string.match(place, '^.*:') .. ARGV[4] end

local function move_into_thread(list)
  local messages = read_messages(list, 0, -1)
  if #messages == 0 then return end
  for _, m in ipairs(messages) do m.place = in_thread(m.place) end
  redis.call('DEL', list)
  push_all('RPUSH', list, pack_all(messages, 1, #messages, 1))
  queue_head = nil
end

read_session()
if not session.id then return {'unknown'} end
local owner = redis.call('GET', at('thread', digest))
if owner == name or name == ARGV[5] then return {'bound'} end
if owner or session.thread or redis.call('EXISTS', at('session', ARGV[5])) == 1 then
  return {'taken'}
end
redis.call('SET', at('thread', digest), name)
put('thread', thread_id)
put('thread_home', digest)
if session.place then put('place', in_thread(session.place)) end
move_into_thread(key.queue)
move_into_thread(key.batch)
if run then put_run({place = in_thread(run.place)}) end
note('thread_bound', thread_id)
save()
return {'bound'}
