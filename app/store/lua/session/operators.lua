-- OPERATORS: they act on what they saw, or not at all.

-- Reads and settles the session; gives back why nothing is to be done, or nil.
local function open_for_operator(fence_seen, id_seen)
  read_session()
  if not session.id then return 'unknown' end
  settle()
  local is_seen = (fence_seen == '' or session.fence == fence_seen)
    and (id_seen == '' or session.id == id_seen)
  if is_seen then return nil end
  save()
  return 'unchanged'
end

local function leave_unchanged()
  save()
  return {'unchanged'}
end
