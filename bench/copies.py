"""A session, copied a million times inside the store.

One real session is made by the real verbs; then everything that is stored of it (its own keys,
what names it in indexes, the record of its message) is written again under other names. A verb
takes a tenth of a millisecond, so a million of them would take minutes; copies take seconds.
"""

from typing import Any, Final

from bench.machine import message
from bench.seeding import Seeder

ORIGINAL: Final = 0

# ARGV: the original's chat, how the copies' are written, and their number. A key that names the
# chat is copied under the copy's name; of one that does not, what names the chat is added again;
# a record that only tells of it gets a number for its digest. `counts`
# and `tallies` count them all.
COPY: Final = """
local chat, form, count = ARGV[1], ARGV[2], tonumber(ARGV[3])
local writes = {}

local function values_of(key, kind)
  if kind == 'string' then return 'SET', {redis.call('GET', key)} end
  if kind == 'hash' then return 'HSET', redis.call('HGETALL', key) end
  if kind == 'list' then return 'RPUSH', redis.call('LRANGE', key, 0, -1) end
  if kind == 'set' then return 'SADD', redis.call('SMEMBERS', key) end
  local scored = redis.call('ZRANGE', key, 0, -1, 'WITHSCORES')
  for at = 1, #scored, 2 do scored[at], scored[at + 1] = scored[at + 1], scored[at] end
  return 'ZADD', scored
end

local function tells(values)
  return table.concat(values, ' '):find(chat, 1, true) ~= nil
end

for _, key in ipairs(redis.call('KEYS', '*')) do
  local command, values = values_of(key, redis.call('TYPE', key).ok)
  local own, index = key:find(chat, 1, true), command == 'ZADD' or command == 'SADD'
  if own or tells(values) then
    local name = key
    if not own and not index then name = key:gsub('[^:]+$', '') .. '@' end
    table.insert(writes, {command, name, unpack(values)})
    local ttl = redis.call('PTTL', key)
    if ttl > 0 then table.insert(writes, {'PEXPIRE', name, ttl}) end
  elseif key:find(':counts:') or key:find(':tallies$') then
    local counted = cmsgpack.unpack(values[1])
    for what, number in pairs(counted) do counted[what] = number * (count + 1) end
    redis.call('SET', key, cmsgpack.pack(counted))
  end
end

for number = 1, count do
  local copy, digest = form:format(number), ('%022d'):format(number)
  for _, write in ipairs(writes) do
    local call = {}
    for at, word in ipairs(write) do
      call[at] = type(word) == 'string' and word:gsub(chat, copy) or word
    end
    call[2] = call[2]:gsub('@$', digest)
    -- Deadlines of real sessions differ; the score 0 of an index by name does not.
    if write[1] == 'ZADD' and tonumber(write[3]) > 0 then call[3] = write[3] + number end
    redis.call(unpack(call))
  end
end
return #writes
"""


def chat(number: int) -> str:
    """The chat of a copy; of one length, for packed records tell lengths."""
    return f"copy{number:08}"


async def fill(seeder: Seeder, redis: Any, sessions: int) -> None:
    """Make so many idle sessions with one message behind them each, of chats 0 to n - 1."""
    decision = await seeder.admit(message("m1", chat(ORIGINAL), "gateway-1"))
    assert decision.run is not None
    await seeder.complete(decision.run)
    writes = redis.eval(COPY, 0, chat(ORIGINAL), "copy%08d", sessions - 1)
    assert writes, "nothing was found to copy"
