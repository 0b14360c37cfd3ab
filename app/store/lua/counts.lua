#!lua flags=no-writes
-- How many runs consumers hold in this shard.
--
-- KEYS  1 ... the consumers' runs
-- ARGV  1 ... agents as keys spell them that count (none: all)
--
-- Replies
--   counts, runs, ...        in the order of KEYS

local counts, wanted = {}, {}
for i = 1, #ARGV do wanted[ARGV[i]] = true end

local function runs_of_wanted(held)
  local runs = 0
  for _, session in ipairs(redis.call('HKEYS', held)) do
    if wanted[string.match(session, '^agent:([^:]*)')] then runs = runs + 1 end
  end
  return runs
end

for i = 1, #KEYS do
  counts[i] = next(wanted) and runs_of_wanted(KEYS[i]) or redis.call('HLEN', KEYS[i])
end
table.insert(counts, 1, 'counts')
return counts
