-- FIGURES: counts of messages, one record an agent and platform; tallies of what has happened, one
-- record a shard. Read when something is counted, written once, by `save`.

local forget_figures, counts_of, count, tally, write_figures
do

local counts, tallies  -- bucket to its counts; nil: not read yet
local counted_in  -- buckets whose counts have changed
local last_place, last_counts  -- of what was counted last: mostly the next is of it too

function forget_figures()
  counts, tallies, counted_in, last_place = {}, nil, {}, nil
end

local function figures_in(name_of_key)
  local packed = value_of(name_of_key)
  return packed and cmsgpack.unpack(packed) or {}
end

-- The counts of a bucket that is written from now on; a new one is noted as there.
function counts_of(bucket)
  if counted_in[bucket] then return counts[bucket] end
  local stored_as = at('counts', bucket)
  counts[bucket], counted_in[bucket] = figures_in(stored_as), stored_as
  if not value_of(stored_as) then redis.call('SADD', key.buckets, bucket) end
  return counts[bucket]
end

-- Conservation (I2): one counter a state, agent and platform.
function count(state, place, by)
  if place ~= last_place then
    last_place, last_counts = place, counts_of(AGENT .. ':' .. platform_of(place))
  end
  last_counts[state] = (last_counts[state] or 0) + by
end

-- How often something has happened, for the metrics: counted where it happens, never taken back.
function tally(what, by)
  tallies = tallies or figures_in(key.tallies)
  tallies[what] = (tallies[what] or 0) + by
end

function write_figures()
  for bucket, stored_as in pairs(counted_in) do
    set_value(stored_as, cmsgpack.pack(counts[bucket]))
  end
  if tallies then set_value(key.tallies, cmsgpack.pack(tallies)) end
  forget_figures()
end

end
