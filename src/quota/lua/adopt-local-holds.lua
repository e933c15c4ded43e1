-- Takes over holds that a process kept while Redis was unavailable. Nothing is decided, because their requests already run. A hold
-- that has ended meanwhile stays ended. `holds` is JSON: [id, nanos, picos, period, content, ttl_ms], all texts.

local now_ms, holds = unpack(ARGV)
local now, saved = tonumber(now_ms), {}

discard_half_lost_holds()
for _, hold in ipairs(cjson.decode(holds)) do
  local id, nanos, picos, period, content, ttl_ms = unpack(hold)
  adopt(saved, id, tonumber(nanos), picos, period, content, now + tonumber(ttl_ms))
end
save_totals(unpack(saved))
keep_alive()
return 'OK'
