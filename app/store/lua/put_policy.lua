#!lua flags=allow-oom
-- Puts a policy in force. Guarantees: revisions only grow; the last ones are kept; a repeat
-- of what is in force, or of a file that was applied already, changes nothing. Who put it is
-- kept in the same step, and told to those who watch.
--
-- KEYS  1 current  2 versions  3 file  4 actions
-- ARGV  1 now_us  2 policy (JSON)  3 who  4 digest of the file it is from (empty: none)
--       5 versions kept  6 actions kept
--
-- Replies
--   stored, revision
--   unchanged, revision

local time = redis.call('TIME')
local now = ARGV[1] ~= '' and math.floor(ARGV[1] / 1000)
  or time[1] * 1000 + math.floor(time[2] / 1000)
local at = string.format('%.0f', now)
local function tell(...) redis.call('PUBLISH', 'sr:events', cjson.encode({...})) end

local function keep_action(result, revision)
  local kept = cjson.encode({at, ARGV[3], 'put_policy', result, '', '', '', revision})
  local id = redis.call('XADD', KEYS[4], 'MAXLEN', ARGV[6], '*', 'action', kept)
  tell('action', 'policy', id, kept)
end

local packed = redis.call('GET', KEYS[1])
local current = packed and cmsgpack.unpack(packed) or {0}
local is_known = ARGV[4] ~= '' and redis.call('GET', KEYS[3]) == ARGV[4]
if ARGV[4] ~= '' then redis.call('SET', KEYS[3], ARGV[4]) end
if is_known or current[4] == ARGV[2] then
  if ARGV[4] == '' then keep_action('unchanged', current[1]) end  -- not at each start with a file
  return {'unchanged', current[1]}
end
local revision = current[1] + 1
local stored = cmsgpack.pack({revision, now, ARGV[3], ARGV[2]})
redis.call('SET', KEYS[1], stored)
redis.call('LPUSH', KEYS[2], stored)
redis.call('LTRIM', KEYS[2], 0, ARGV[5] - 1)
keep_action('changed', revision)
tell('policy', revision, at, ARGV[3])
return {'stored', revision}
