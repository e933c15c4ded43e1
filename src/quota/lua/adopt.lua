-- Takes over holds that a process kept while it could not reach us. Nothing is decided: their requests run already. What has
-- ended meanwhile stays ended. ARGV: now, holds as JSON: [id, nanos, picos, period, content, ttl_ms], all texts

local now, saved = time_ms(ARGV[1]), {}

heal()
for _, hold in ipairs(cjson.decode(ARGV[2])) do
  local id, nanos, picos, period, content, ttl_ms = unpack(hold)
  adopt(saved, id, tonumber(nanos), picos, period, content, now + tonumber(ttl_ms))
end
save_totals(unpack(saved))
keep_alive()
return 'OK'
