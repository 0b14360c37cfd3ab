-- ENDS: what is remembered of a run that is over.

local unpacked, remember_end, read_end, sent_before
do

-- What a repeated call and the next holder of the batch are told of an ended run: `outcome`
-- if its holder ended it, else why it ended.
local ENDED = {'session', 'ended', 'outcome', 'reason', 'next_fence', 'returned', 'ended_at',
  'consumer', 'session_id', 'started_at', 'owners', 'status', 'sealed', 'sent'}

function unpacked(list) return list and list ~= '' and cmsgpack.unpack(list) or {} end

-- What the run and those before it posted for their batch, the newest.
local function all_sent(ended_run)
  local sent = unpacked(ended_run.sent_before)
  for _, id in ipairs(unpacked(ended_run.sent)) do sent[#sent + 1] = id end
  while #sent > SENT_MAX do table.remove(sent, 1) end
  return sent
end

function remember_end(ended_run, ended, outcome, reason, settings, next_fence, returned)
  local packed = cmsgpack.pack({name, ended, outcome, reason, next_fence or '', returned or {},
    now, ended_run.consumer, ended_run.session_id, tonumber(ended_run.started_at),
    ended_run.owners, ended_run.status or '', ended_run.sealed or '', all_sent(ended_run)})
  set_value_for(at('ended', ended_run.fence), packed, settings.dedupe_ms)
end

function read_end(fence)
  local packed = fence ~= '' and value_of(at('ended', fence))
  if not packed then return nil end
  local record, values = {}, cmsgpack.unpack(packed)
  for i, field in ipairs(ENDED) do record[field] = values[i] end
  return record.session == name and record or nil
end

-- What the runs before posted for this batch, packed, or nil. `ended_run` is one that ends in
-- this step, and is not remembered yet.
function sent_before(fence, ended_run)
  local sent
  if ended_run and ended_run.fence == fence then
    sent = all_sent(ended_run)
  else
    local ended = read_end(fence)
    sent = ended and ended.sent or {}
  end
  return #sent > 0 and cmsgpack.pack(sent) or nil
end

end
