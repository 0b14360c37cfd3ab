#!lua
-- Binds the thread that a gateway made for a message to the session which that message
-- opened. Guarantees: a thread has one session; repeated, it changes nothing; what the
-- session has of that message belongs to the thread from then on.
--
-- KEYS  1-3 keys.session_keys
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

local function moved_into_thread(messages)
  for _, m in ipairs(messages) do m.place = in_thread(m.place) end
  return messages
end

local function move_queue()
  if session.depth == 0 then return end
  local messages = moved_into_thread(read_messages(key.queue, 0, -1))
  redis.call('DEL', key.queue)
  push_all('RPUSH', key.queue, pack_all(messages, 1, #messages, 1))
  queue_head = nil
end

read_session()
if not session.id then return {'unknown'} end
local owner = value_of(at('thread', digest))
if owner == name or name == ARGV[5] then return {'bound'} end
if owner or session.thread or redis.call('EXISTS', at('session', ARGV[5])) == 1 then
  return {'taken'}
end
set_value(at('thread', digest), name)
put('thread', thread_id)
put('thread_home', digest)
if session.place then put('place', in_thread(session.place)) end
move_queue()
if run then
  write_batch(moved_into_thread(read_batch()))
  put_run({place = in_thread(run.place)})
end
note('thread_bound', thread_id)
save()
return {'bound'}
