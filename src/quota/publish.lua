-- Ends holds and puts absolute states in place. KEYS: ..., state, one for each project. ARGV: now, ids to end, entries; both
-- JSON. An entry is { version, starts_ms, ends_ms, loaded_at_ms, fields }, in the order of the keys.

local now = time_ms(ARGV[1])

-- A stored state that is older than any that may decide has no say in what follows it: a database that was restored from a
-- backup has lower versions.
local FENCE_MS = 900000

local function store(key, entry)
  local stored = redis.call('HMGET', key, 'version', 'stored_at_ms')
  local version, stored_at = tonumber(stored[1]), tonumber(stored[2])
  local fenced = version and now - stored_at <= FENCE_MS
  if fenced and tonumber(entry.version) < version then return end
  -- The state of another period decides nothing; its version tells that what is here is outdated.
  local current = now >= tonumber(entry.starts_ms) and now < tonumber(entry.ends_ms)
  if not current and version == tonumber(entry.version) then return end
  redis.call('DEL', key)
  redis.call('HSET', key, 'version', entry.version, 'stored_at_ms', whole(now))
  if current then
    -- A clock that is ahead must not make a state look younger than it is.
    local loaded_at = math.min(tonumber(entry.loaded_at_ms), now)
    redis.call('HSET', key, 'loaded_at_ms', whole(loaded_at), unpack(entry.fields))
  end
  redis.call('PEXPIRE', key, KEY_TTL_MS)
end

heal()
finish_all(cjson.decode(ARGV[2]), now)
save_totals()
for index, entry in ipairs(cjson.decode(ARGV[3])) do store(KEYS[3 + index], entry) end
return 'OK'
