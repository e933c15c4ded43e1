-- Takes over holds that a process kept while it could not reach us. Nothing is decided: their requests run already. What has
-- ended meanwhile stays ended. ARGV: now, holds as JSON: [id, nanos, picos, period, content, ttl_ms], all texts

local now, saved = time_ms(ARGV[1]), {}

heal()
for _, hold in ipairs(cjson.decode(ARGV[2])) do
  local id, nanos, picos, period, content, ttl_ms = unpack(hold)
  if not redis.call('ZSCORE', EXPIRY, id) and not redis.call('ZSCORE', ENDED, id) then
    local kept = math.min(tonumber(nanos), NANOS_MAX - total('nanos'))
    add_to_totals(project_of(content), kept, 1)
    saved[#saved + 1] = id
    saved[#saved + 1] = table.concat({ whole(kept), picos, period, content }, ':')
    redis.call('ZADD', EXPIRY, whole(now + tonumber(ttl_ms)), id)
  end
end
save_totals(unpack(saved))
keep_alive()
return 'OK'
