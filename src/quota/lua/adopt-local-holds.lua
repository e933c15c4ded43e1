-- Takes over holds that a process kept while Redis was unavailable. Nothing is decided, because their requests already run. A hold
-- that has ended meanwhile stays ended. `holds` is JSON: [id, nanos, picos, period, content, ttl_ms], all texts.
-- What ended in the process ends here too, so its id stays used. `ended` is JSON: [id, is_released], texts. A hold that only expired
-- there may have been extended here, and then it goes on.

local now_ms, holds, ended = unpack(ARGV)
local now, saved, ending = tonumber(now_ms), {}, {}

discard_half_lost_holds()
for _, hold in ipairs(cjson.decode(holds)) do
  local id, nanos, picos, period, content, ttl_ms = unpack(hold)
  adopt(saved, ADOPTED_MAX, id, tonumber(nanos), picos, period, content, now + tonumber(ttl_ms))
end
save_totals(unpack(saved))
for _, hold in ipairs(cjson.decode(ended)) do
  local known = find(hold[1], now)
  if hold[2] == '1' or not known or known.is_over then ending[#ending + 1] = hold[1] end
end
end_holds(ending, now)
save_totals()
keep_alive()
return 'OK'
