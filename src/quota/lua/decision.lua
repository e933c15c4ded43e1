-- The decision, after expire-holds.lua. KEYS: ..., state, project, leases.
--   state    hash: rooms (limit - booked, in nanodollars or requests; empty where there is no such limit), named like the limits of
--            src/domain/quota-limits.ts, and `facts`, which only the reader of the reply understands. Where `limited_projects` is there,
--            it is the number of fields `project/<name>`, and a project without such a field has no limit.
--   project  hash: the same of one project, of an entity with too many limited projects. The state's `project_keys_from` is the
--            version from which on a limit that changed is in these keys.

local SHARED = { 'loaded_at_ms', 'starts_ms', 'ends_ms', 'fresh_until_ms', 'facts' }

local function read(key, ...)
  local values = redis.call('HMGET', key, 'loaded_at_ms', 'starts_ms', 'ends_ms', 'fresh_until_ms', 'facts', ...)
  local fields = {}
  for index, name in ipairs(SHARED) do fields[name] = values[index] end
  for index, name in ipairs({ ... }) do fields[name] = values[#SHARED + index] end
  return fields
end

local state, project

local function project_in_state(name)
  if not state.limited_projects then return nil end
  local concurrency, cap, facts = string.match(state['project/' .. name] or '', PROJECT_LIMITS)
  return { project_concurrency = concurrency, project_monthly_cap = cap, facts = facts or '', is_in_state = true }
end

local function read_states(name)
  state = read(KEYS[4], 'period', 'mode', 'entity_concurrency', 'entity_monthly_cap', 'entity_yearly_cap', 'credits',
    'limited_projects', 'project_keys_from', 'project/' .. name)
  project = project_in_state(name) or read(KEYS[5], 'project_concurrency', 'project_monthly_cap', 'version')
end

-- Missing, of another period, past a change of the credits, too old, or from before `valid_from_ms`. After the server's clock
-- was set back, `valid_from_ms` may lie in the future: no state could be fresh until then, so it is ignored.
local function is_cold(fields, now, age_ms_max, valid_from_ms)
  local loaded_at = tonumber(fields.loaded_at_ms)
  return not loaded_at
    or now < tonumber(fields.starts_ms)
    or now >= tonumber(fields.ends_ms)
    or now >= tonumber(fields.fresh_until_ms)
    or now - loaded_at > age_ms_max
    or (valid_from_ms <= now and loaded_at < valid_from_ms)
end

local function are_cold(now, age_ms_max, valid_from_ms)
  local age, valid_from = tonumber(age_ms_max), tonumber(valid_from_ms)
  if is_cold(state, now, age, valid_from) then return true end
  if project.is_in_state then return false end
  return is_cold(project, now, age, valid_from) or tonumber(project.version) < (tonumber(state.project_keys_from) or 0)
end

-- The number of the first limit that is exceeded, and whether waiting may help; nil where none is.
local function exceeded_limit(name, weighed)
  local nanos, count = total('nanos'), total('count')
  local project_nanos, project_count = total('nanos/' .. name), total('count/' .. name)
  local limits = {
    { project.project_concurrency, project_count, 1 },
    { tonumber(state.entity_concurrency) or HOLDS_MAX, count, 1 },
    { project.project_monthly_cap, project_nanos, weighed },
    { state.entity_monthly_cap, nanos, weighed },
    { state.entity_yearly_cap, nanos, weighed },
    { state.credits, nanos, weighed },
  }
  for number, limit in ipairs(limits) do
    local room, held, wanted = tonumber(limit[1]), limit[2], limit[3]
    if room and held + wanted > room then return number, wanted <= room end
  end
  return nil
end

-- The least that a limit of money leaves after the holds; infinite where there is none.
local function least_left(name)
  local nanos, project_nanos, least = total('nanos'), total('nanos/' .. name), math.huge
  for _, limit in ipairs({
    { project.project_monthly_cap, project_nanos },
    { state.entity_monthly_cap, nanos },
    { state.entity_yearly_cap, nanos },
    { state.credits, nanos },
  }) do
    local room = tonumber(limit[1])
    if room then least = math.min(least, room - limit[2]) end
  end
  return least
end

-- An expired hold denies no request.
local function decide(name, weighed, now)
  expire_holds(now, EXPIRE_MAX)
  local number, retryable = exceeded_limit(name, weighed)
  if retryable and expire_holds(now, EXPIRE_BEFORE_DENIAL_MAX) > 0 then return exceeded_limit(name, weighed) end
  return number, retryable
end

-- For a denial that waiting may help: the hold that ends next unless it is extended, as id, expiry and text. Nothing otherwise.
local function next_to_end(retryable)
  local first = retryable and redis.call('ZRANGE', EXPIRY, 0, 0, 'WITHSCORES') or {}
  if first[1] then return first[1], first[2], redis.call('HGET', HOLDS, first[1]) end
end

-- What every reply but `cold` has: the facts of both states, and what is held apart from `own_nanos` and `own_count`.
local function reply(name, own_nanos, own_count, verdict, ...)
  return {
    verdict,
    state.facts,
    project.facts,
    total('nanos') - own_nanos,
    total('count') - own_count,
    total('nanos/' .. name) - own_nanos,
    total('count/' .. name) - own_count,
    ...
  }
end
