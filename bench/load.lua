-- What wrk sends: messages whose ids never come twice, each of a user and a chat of its own; with
-- `cycle` also the end of every run that was granted. Every answer is looked at.
--
--   wrk -s load.lua URL -- messages|cycle TOKEN STAMP BODY
--
-- BODY has `@` where the number of the message goes; STAMP is digits that no other run has.

local RUN = '"decision":"run"'
local GRANT = '"id":"([^"]+)","fence":(%d+)'
local threads = {}

function setup(thread)
  table.insert(threads, thread)
  thread:set("thread_number", #threads)
end

function init(args)
  cycle = args[1] == "cycle"
  head = " HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
    .. "Authorization: Bearer " .. args[2] .. "\r\nContent-Length: "
  stamp = args[3] .. string.format("%02d", thread_number)
  pieces = {}
  for piece in (args[4] .. "@"):gmatch("([^@]*)@") do pieces[#pieces + 1] = piece end
  sent, runs, ends, wrong, first_wrong = 0, 0, 0, 0, ""
  granted = {}
end

local function post(path, body)
  return "POST " .. path .. head .. #body .. "\r\n\r\n" .. body
end

function request()
  local run = table.remove(granted)
  if run then
    local body = '{"fence":' .. run.fence .. ',"outcome":"completed"}'
    return post("/v1/runs/" .. run.id .. "/complete", body)
  end
  sent = sent + 1
  return post("/v1/messages", table.concat(pieces, stamp .. string.format("%08d", sent)))
end

function response(status, _, body)
  if status == 200 and body:find(RUN, 1, true) then
    runs = runs + 1
    if cycle then
      local id, fence = body:match(GRANT)
      granted[#granted + 1] = { id = id, fence = fence }
    end
  elseif status == 200 and cycle and not body:find('"decision"', 1, true) then
    ends = ends + 1
  else
    wrong = wrong + 1
    if wrong == 1 then first_wrong = status .. " " .. body end
  end
end

function done(summary, latency)
  local total = { runs = 0, ends = 0, wrong = 0 }
  for _, thread in ipairs(threads) do
    for name in pairs(total) do total[name] = total[name] + thread:get(name) end
    local text = thread:get("first_wrong")
    if text ~= "" then io.write("\nWRONG ", text:gsub("%s", " "), "\n") end
  end
  local errors = summary.errors
  local broken = errors.connect + errors.read + errors.write + errors.timeout
  io.write(string.format(
    '\nMEASURED {"microseconds":%d,"runs":%d,"ends":%d,"wrong":%d,"broken":%d,"p50_us":%d,"p99_us":%d}\n',
    summary.duration, total.runs, total.ends, total.wrong, broken,
    latency:percentile(50), latency:percentile(99)))
end
