-- SETTINGS: named by their content, so what was decoded for one call is right for the next.

local settings_named, stored_settings
do

local SETTINGS_KNOWN_MAX = 200
local known_settings, known_count = {}, 0

-- `sent` is empty or nil where they are stored.
function settings_named(id, sent)
  local known = known_settings[id]
  if known then return known end
  if known_count == SETTINGS_KNOWN_MAX then known_settings, known_count = {}, 0 end
  local json = sent and sent ~= '' and sent or value_of(at('settings', id))
  known = {json = json, decoded = cjson.decode(json)}
  known_settings[id], known_count = known, known_count + 1
  return known
end

-- A session keeps the settings of its last message.
function stored_settings() return settings_named(session.settings).decoded end

end
