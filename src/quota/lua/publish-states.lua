-- Publishes the states of several entities: ends their holds and stores what each state says. Each entity is published by itself,
-- so an error in one leaves the others as they are.
-- KEYS of an entity: holds, expiry, ended, leases, state, and the keys of its projects (decision.lua explains them).
-- The list has, of an entity: the 16 arguments that `publish` names, and for each project in the state a field and its value, for
-- each project with a key its concurrency, cap and facts, and the ids of the holds that end.
-- A state is replaced unless its version is later than the new one and than `seen`.
-- Replies a text for each entity: the highest version that was in the way, empty where none was, or an error.

local now_ms, entity_count = unpack(ARGV, 1, 2)
local list, LIST_FROM = ARGV, 3
local now = tonumber(now_ms)

local function is_later(known, version, seen)
  local number = tonumber(known)
  return number and number > tonumber(version) and number > tonumber(seen)
end

local function keep_stored(key)
  if redis.call('PTTL', key) <= KEY_TTL_MS_MIN then redis.call('PEXPIRE', key, KEY_TTL_MS) end
end

-- The state of another period decides nothing, but its version says that the state here is outdated.
local function store_version_only(key, known, version)
  if known == version then return end
  redis.call('DEL', key)
  redis.call('HSET', key, 'version', version)
  keep_stored(key)
end

local function later_of(a, b)
  if not tonumber(b) or (tonumber(a) and tonumber(a) > tonumber(b)) then return a end
  return b
end

-- The projects of the leases that have something free.
local function leased_projects(leases)
  local names = {}
  for _, id in ipairs(redis.call('ZRANGE', leases, 0, -1)) do
    local hold = redis.call('HGET', HOLDS, id)
    if hold then names[parse(hold).project] = true end
  end
  return names
end

-- There is less room than is held, or requests in flight are limited, which no lease counts.
local function is_exceeded(concurrency, room, held)
  return tonumber(concurrency) or (tonumber(room) and tonumber(room) < held)
end

-- Whether leases must be given back, by the states that are here now.
local function is_exceeded_by_leases(leases, state, project_keys)
  local entity = redis.call('HMGET', state, 'entity_concurrency', 'entity_monthly_cap', 'entity_yearly_cap', 'credits')
  for index = 2, 4 do
    if is_exceeded(entity[1], entity[index], total('nanos')) then return true end
  end
  local leased = leased_projects(leases)
  for name in pairs(leased) do
    local limits = redis.call('HGET', state, 'project/' .. name)
    local concurrency, cap = string.match(limits or '', PROJECT_LIMITS)
    if is_exceeded(concurrency, cap, total('nanos/' .. name)) then return true end
  end
  for _, key in ipairs(project_keys) do
    local name, limits = string.match(key, '}:project:(.*)$'), redis.call('HMGET', key, 'project_concurrency', 'project_monthly_cap')
    if leased[name] and is_exceeded(limits[1], limits[2], total('nanos/' .. name)) then return true end
  end
  return false
end

local function publish(first_key, first)
  local version, seen, loaded_at_ms, starts_ms, ends_ms, fresh_until_ms, period, mode, entity_concurrency, entity_monthly_cap,
    entity_yearly_cap, credits, facts, limited_count, key_count, ended_count = unpack(list, first, first + 15)
  local leases, state, project_keys, ended, at = KEYS[first_key + 3], KEYS[first_key + 4], {}, {}, first + 16
  local projects_at = at + 2 * (tonumber(limited_count) or 0)
  HOLDS, EXPIRY, ENDED = KEYS[first_key], KEYS[first_key + 1], KEYS[first_key + 2]
  totals, changed = {}, {}
  -- A publisher whose clock is ahead must not make a state look younger than it is.
  local loaded_at = whole(math.min(tonumber(loaded_at_ms), now))
  local is_current = now >= tonumber(starts_ms) and now < tonumber(ends_ms)

  local function store_state()
    local known = redis.call('HMGET', state, 'version', 'limited_projects', 'project_keys_from')
    if is_later(known[1], version, seen) then return known[1] end
    if not is_current then return store_version_only(state, known[1], version) end
    -- Where neither state names a project, the new one has all fields of the other.
    if known[1] and (known[2] ~= '0' or limited_count ~= '0') then redis.call('DEL', state) end
    local field, value = 'limited_projects', limited_count
    if limited_count == '' then field, value = 'project_keys_from', not known[2] and known[3] or version end
    redis.call('HSET', state, 'version', version, 'loaded_at_ms', loaded_at, 'starts_ms', starts_ms, 'ends_ms', ends_ms,
      'fresh_until_ms', fresh_until_ms, 'period', period, 'mode', mode, 'entity_concurrency', entity_concurrency,
      'entity_monthly_cap', entity_monthly_cap, 'entity_yearly_cap', entity_yearly_cap, 'credits', credits, 'facts', facts,
      field, value, unpack(list, at, projects_at - 1))
    keep_stored(state)
  end

  local function store_project(key, from)
    local known = redis.call('HGET', key, 'version')
    if is_later(known, version, seen) then return known end
    if not is_current then return store_version_only(key, known, version) end
    redis.call('HSET', key, 'version', version, 'loaded_at_ms', loaded_at, 'starts_ms', starts_ms, 'ends_ms', ends_ms,
      'fresh_until_ms', ends_ms, 'project_concurrency', list[from], 'project_monthly_cap', list[from + 1], 'facts', list[from + 2])
    keep_stored(key)
  end

  local ended_at = projects_at + 3 * key_count
  for index = ended_at, ended_at + ended_count - 1 do ended[#ended + 1] = list[index] end
  discard_half_lost_holds()
  end_holds(ended, now)
  save_totals()
  local later = store_state()
  for index = 1, key_count do
    project_keys[index] = KEYS[first_key + 4 + index]
    later = later_of(later, store_project(project_keys[index], projects_at + 3 * (index - 1)))
  end
  if redis.call('EXISTS', leases) == 1 and is_exceeded_by_leases(leases, state, project_keys) then recall_leases(leases) end
  return later or ''
end

local replies, next_key, next_argument = {}, 1, LIST_FROM
for index = 1, entity_count do
  local is_published, reply = pcall(publish, next_key, next_argument)
  replies[index] = is_published and reply or 'error: ' .. (type(reply) == 'table' and reply.err or tostring(reply))
  local limited_count, key_count, ended_count = unpack(list, next_argument + 13, next_argument + 15)
  next_key = next_key + 5 + key_count
  next_argument = next_argument + 16 + 2 * (tonumber(limited_count) or 0) + 3 * key_count + ended_count
end
return replies
