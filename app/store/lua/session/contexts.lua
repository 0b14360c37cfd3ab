-- CONTEXT: what was overheard, kept for the next run in one packed list, oldest first. Each
-- line has a number that only grows, so that a run knows how far it was told.

local read_context, told_to, keep_line, forget_line, forget_told, context_section
do

local CONTEXT_BYTES_MAX = 65536
local LINE = {'number', 'home', 'id', 'at', 'text', 'body'}

local function unpack_context(packed, ttl_ms)
  local lines = {}
  for _, values in ipairs(packed and cmsgpack.unpack(packed) or {}) do
    local line = {}
    for i, field in ipairs(LINE) do line[field] = values[i] end
    if not ttl_ms or line.at + ttl_ms > now then lines[#lines + 1] = line end
  end
  return lines
end

function read_context(settings)
  if context_lines then return context_lines end
  context_lines = unpack_context(value_of(key.context), settings and settings.context_ttl_ms)
  return context_lines
end

local function write_context(lines, ttl_ms)
  context_lines = lines
  if #lines == 0 then return drop_value(key.context) end
  local packed = {}
  for i, line in ipairs(lines) do
    packed[i] = {line.number, line.home, line.id, line.at, line.text, line.body}
  end
  set_value_for(key.context, cmsgpack.pack(packed), ttl_ms)
end

local function without(lines, is_gone)
  local kept = {}
  for _, line in ipairs(lines) do
    if not is_gone(line) then kept[#kept + 1] = line end
  end
  return kept
end

-- The newest lines that the policy and the bound of bytes let stay.
local function bound_context(lines, settings)
  local bytes, first = 0, #lines + 1
  for i = #lines, math.max(1, #lines - settings.context_max + 1), -1 do
    bytes = bytes + #lines[i].text + #lines[i].body
    if bytes > CONTEXT_BYTES_MAX then break end
    first = i
  end
  local kept = {}
  for i = first, #lines do kept[#kept + 1] = lines[i] end
  return kept
end

local function last_number(lines) return #lines > 0 and lines[#lines].number or 0 end

-- The numbers of the first and the last line that a run is told.
function told_to(lines)
  if #lines == 0 then return nil end
  return text(lines[1].number), text(last_number(lines))
end

-- Sent again, a line replaces itself.
function keep_line(line, settings)
  local lines = without(read_context(settings), function(l) return l.home == line.home end)
  line.number = math.max(last_number(read_context()), tonumber(run and run.context or 0)) + 1
  lines[#lines + 1] = line
  write_context(bound_context(lines, settings), settings.context_ttl_ms)
end

function forget_line(home, settings)
  local lines = read_context(settings)
  if #lines == 0 then return end
  local kept = without(lines, function(l) return l.home == home end)
  if #kept < #lines then write_context(kept, settings.context_ttl_ms) end
end

-- What a completed run was told of need not be told again.
function forget_told(number, settings)
  local lines = read_context(settings)
  local kept = without(lines, function(l) return l.number <= number end)
  if #kept < #lines then write_context(kept, settings.context_ttl_ms) end
end

function context_section(first, last)
  local sections = {}
  for _, line in ipairs(read_context()) do
    if line.number >= first and line.number <= last then
      sections[#sections + 1] = {line.id, line.at, line.text, line.body}
    end
  end
  return sections
end

end
