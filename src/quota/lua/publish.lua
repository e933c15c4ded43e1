-- Ends holds and puts absolute states in place. KEYS: ..., leases, state, one for each project. ARGV: now, ids to end, entries, a
-- version up to which states that are here give way in any case; ids and entries are JSON. An entry is { version, starts_ms,
-- ends_ms, loaded_at_ms, fields }, in the order of the keys. Returns the highest version that an entry was too old for, or 0.

local now, seen = time_ms(ARGV[1]), tonumber(ARGV[4])
local later = 0

local function store(key, entry)
  local version = tonumber(redis.call('HGET', key, 'version'))
  if version and version > tonumber(entry.version) and version > seen then
    later = math.max(later, version)
    return
  end
  -- The state of another period decides nothing; its version tells that what is here is outdated.
  local current = now >= tonumber(entry.starts_ms) and now < tonumber(entry.ends_ms)
  if not current and version == tonumber(entry.version) then return end
  redis.call('DEL', key)
  redis.call('HSET', key, 'version', entry.version)
  if current then
    -- A clock that is ahead must not make a state look younger than it is.
    local loaded_at = math.min(tonumber(entry.loaded_at_ms), now)
    redis.call('HSET', key, 'loaded_at_ms', whole(loaded_at), unpack(entry.fields))
  end
  redis.call('PEXPIRE', key, KEY_TTL_MS)
end

local LIMITS = {
  'entity_concurrency', 'project_concurrency', 'project_monthly_cap', 'entity_monthly_cap', 'entity_yearly_cap', 'credits',
}

-- Less room than is held, or a limit of requests in flight, which no lease counts.
local function is_passed_by_leases(key)
  local rooms = redis.call('HMGET', key, unpack(LIMITS))
  local project = string.match(key, ':project:(.*)$')
  local held = total(project and 'nanos/' .. project or 'nanos')
  for index, room in ipairs(rooms) do
    if tonumber(room) and (index <= 2 or tonumber(room) < held) then return true end
  end
  return false
end

heal()
finish_all(cjson.decode(ARGV[2]), now)
save_totals()
for index, entry in ipairs(cjson.decode(ARGV[3])) do store(KEYS[4 + index], entry) end
if redis.call('EXISTS', KEYS[4]) == 1 then
  for index = 5, #KEYS do
    if is_passed_by_leases(KEYS[index]) then recall(KEYS[4]) end
  end
end
return whole(later)
