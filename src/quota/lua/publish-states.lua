-- Ends holds and stores absolute states. KEYS: ..., leases, state, one for each project. `ended_ids` and `entries` are JSON; an
-- entry is { version, starts_ms, ends_ms, loaded_at_ms, fields }, in the order of the keys. A state here is replaced unless its
-- version is later than the entry's and than `seen_version`. Replies with the highest version that was in the way, or 0.

local now_ms, ended_ids, entries, seen_version = unpack(ARGV)
local now, seen = time_ms(now_ms), tonumber(seen_version)
local later = 0

local function store(key, entry)
  local version = tonumber(redis.call('HGET', key, 'version'))
  if version and version > tonumber(entry.version) and version > seen then
    later = math.max(later, version)
    return
  end
  -- The state of another period decides nothing, but its version says that the state here is outdated.
  local current = now >= tonumber(entry.starts_ms) and now < tonumber(entry.ends_ms)
  if not current and version == tonumber(entry.version) then return end
  redis.call('DEL', key)
  redis.call('HSET', key, 'version', entry.version)
  if current then
    -- A publisher whose clock is ahead must not make a state look younger than it is.
    local loaded_at = math.min(tonumber(entry.loaded_at_ms), now)
    redis.call('HSET', key, 'loaded_at_ms', whole(loaded_at), unpack(entry.fields))
  end
  redis.call('PEXPIRE', key, KEY_TTL_MS)
end

local LIMITS = {
  'entity_concurrency', 'project_concurrency', 'project_monthly_cap', 'entity_monthly_cap', 'entity_yearly_cap', 'credits',
}

-- Whether leases must be given back: there is less room than is held, or requests in flight are limited, which no lease counts.
local function is_exceeded_by_leases(key)
  local rooms = redis.call('HMGET', key, unpack(LIMITS))
  local project = string.match(key, ':project:(.*)$')
  local held = total(project and 'nanos/' .. project or 'nanos')
  for index, room in ipairs(rooms) do
    if tonumber(room) and (index <= 2 or tonumber(room) < held) then return true end
  end
  return false
end

discard_half_lost_holds()
end_holds(cjson.decode(ended_ids), now)
save_totals()
for index, entry in ipairs(cjson.decode(entries)) do store(KEYS[4 + index], entry) end
if redis.call('EXISTS', KEYS[4]) == 1 then
  for index = 5, #KEYS do
    if is_exceeded_by_leases(KEYS[index]) then recall_leases(KEYS[4]) end
  end
end
return whole(later)
