-- REPORTS: what the holder of the active run says of it.

-- What the holder reports; after its first call a grant is not given a second time.
local function note_report(status, usage, tokens, limit)
  local report = {touched = '1'}
  if status ~= '' then report.status = status end
  if usage ~= '' then report.usage = usage end
  put_run(report)
  if tokens ~= '' then put('tokens', tokens) end
  if limit ~= '' then put('limit', limit) end
end

local note_posts
do

-- What the run posted: replies to it join its session, and the next holder of the batch is told.
-- `digests` are those of the ids, in the same order; '' where replies join nothing.
local function note_sent(ids, digests)
  if #ids == 0 then return end
  local dedupe_ms = stored_settings().dedupe_ms
  local sent, known = unpacked(run.sent), {}
  for _, id in ipairs(sent) do known[id] = true end
  for i, id in ipairs(ids) do
    if digests[i] ~= '' then redis.call('SET', at('sent', digests[i]), name, 'PX', dedupe_ms) end
    if not known[id] then sent[#sent + 1] = id end
  end
  while #sent > SENT_MAX do table.remove(sent, 1) end
  put_run({sent = cmsgpack.pack(sent)})
end

-- The posts and what was seen stand last among the arguments, from `first`: how many posts,
-- the posts, the ids that were seen. Gives back these.
function note_posts(ARGV, first)
  local count_of_posts, ids, digests = tonumber(ARGV[first]), {}, {}
  for i = 1, count_of_posts do
    ids[i], digests[i] = ARGV[first + 2 * i - 1], ARGV[first + 2 * i]
  end
  note_sent(ids, digests)
  return {unpack(ARGV, first + 2 * count_of_posts + 1)}
end

end

local note_seen
do

local function join_batch(messages)
  enter_run(messages, session.fence)
  set_value(key.batch, value_of(key.batch) .. table.concat(pack_all(messages, 1, #messages, 1)))
end

-- A steer or an answer that its holder has seen is part of the batch from then on.
function note_seen(seen)
  if #seen == 0 or not run.offers then return end
  local wanted, joined = {}, {}
  for _, id in ipairs(seen) do wanted[id] = true end
  for _, m in ipairs(read_messages(key.queue, 0, -1)) do
    if m.offered == session.fence and wanted[m.id] then
      take_out(m)
      joined[#joined + 1] = m
      note('seen', '', run.consumer, m.id, session.fence)
    end
  end
  if #joined > 0 then join_batch(joined) end
end

end
