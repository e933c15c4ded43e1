-- Applies a gateway's statement about its lease and grants what there is room for, or ends the lease: README.md has the protocol.
-- A lease is one hold: what its gateway states it may still spend, plus what is granted here. The hold's content has the sequence
-- of the last statement. `finished` is JSON: [id, nanos, picos], all texts.
--   leases  sorted set: the leases that have something free, scored by the millisecond until which their gateways admit on them

local now_ms, age_ms_max, valid_from_ms, project_name, lease_id, statement_sequence,
  outstanding_nanos, free_nanos, wanted_nanos, least_nanos, lease_ttl_ms, request_ttl_ms, finished, is_end = unpack(ARGV)
local now, sequence = tonumber(now_ms), tonumber(statement_sequence)
local outstanding, free = tonumber(outstanding_nanos), tonumber(free_nanos)
local wanted, least = tonumber(wanted_nanos), tonumber(least_nanos)
local ttl_ms, request_ms = tonumber(lease_ttl_ms), tonumber(request_ttl_ms)
local LEASES = KEYS[6]

local function least_of(first, ...)
  local least_number = first
  for _, text in ipairs({ ... }) do least_number = math.min(least_number, tonumber(text) or least_number) end
  return least_number
end

local function left_nanos()
  return math.min(least_left(project_name), NANOS_MAX - total('nanos'))
end

local function count_of_leases()
  redis.call('ZREMRANGEBYSCORE', LEASES, '-inf', now)
  local others = redis.call('ZCARD', LEASES)
  if redis.call('ZSCORE', LEASES, lease_id) then others = others - 1 end
  return others + 1
end

-- Why this entity gets no lease, however much it has left; nil where it may get one.
local function refusal_of_leases()
  if state.mode ~= 'enforce' then return 'not_enforced' end
  if tonumber(state.entity_concurrency) or tonumber(project.project_concurrency) then return 'concurrency_limited' end
end

-- What the lease may have free from now on, and why that is less than it wants. All leases share half of what is left equally, which
-- leaves room for central reservations. Where a share is too small to be of use, the lease gets nothing.
local function free_target(refusal)
  if refusal then return 0, refusal end
  local share = math.floor((left_nanos() + free) / (2 * count_of_leases()))
  if share < wanted and expire_holds(now, EXPIRE_BEFORE_DENIAL_MAX) > 0 then
    share = math.floor((left_nanos() + free) / (2 * count_of_leases()))
  end
  if share >= wanted then return wanted, '' end
  if share < least then return 0, 'near_limit' end
  return share, 'shared'
end

-- The gateway may admit only while the state is in force.
local function lifetime_ms()
  return least_of(now + ttl_ms, state.ends_ms, state.fresh_until_ms) - now
end

local function adopt_finished(saved)
  for _, hold in ipairs(cjson.decode(finished)) do
    adopt(saved, HOLDS_MAX, hold[1], tonumber(hold[2]), hold[3], state.period, project_name .. ':::lease', now + request_ms)
  end
end

local function save(saved, nanos, known)
  local since = known and known.since or now_ms
  saved[#saved + 1] = lease_id
  saved[#saved + 1] =
    table.concat({ whole(nanos), '0', state.period .. '/' .. since, project_name, whole(sequence), '', 'lease' }, ':')
  save_totals(unpack(saved))
  redis.call('ZADD', EXPIRY, now + ttl_ms + request_ms, lease_id)
  keep_alive()
end

local function list_as_live(is_free)
  if not is_free then
    redis.call('ZREM', LEASES, lease_id)
    return
  end
  redis.call('ZADD', LEASES, now + ttl_ms, lease_id)
  redis.call('PEXPIRE', LEASES, KEY_TTL_MS)
end

local function end_lease()
  local saved = {}
  adopt_finished(saved)
  end_holds({ lease_id }, now)
  save_totals(unpack(saved))
  keep_alive()
  redis.call('ZREM', LEASES, lease_id)
  return { 'ended' }
end

local function renew(known, refusal)
  local saved, before = {}, known and known.nanos or 0
  adopt_finished(saved)
  expire_holds(now, EXPIRE_MAX)
  local stated = math.min(outstanding + free, NANOS_MAX - (total('nanos') - before))
  add_to_totals(project_name, stated - before, known and 0 or 1)
  local target, reason = free_target(refusal)
  local granted, give_back = math.max(0, target - free), math.max(0, free - target)
  add_to_totals(project_name, granted, 0)
  save(saved, stated + granted, known)
  list_as_live(free + granted > 0)
  return { 'leased', granted, give_back, lifetime_ms(), reason }
end

local function run()
  read_states(project_name)
  read_totals(project_name)
  discard_half_lost_holds()
  if are_cold(now, age_ms_max, valid_from_ms) then return { 'cold', now } end
  if is_end == '1' then return end_lease() end
  local known = find(lease_id, now)
  if known and known.is_over then end_holds({ lease_id }, now) end
  if redis.call('ZSCORE', ENDED, lease_id) then return { 'ended' } end
  if known and known.project ~= project_name then return { 'conflict' } end
  local last = known and tonumber(string.match(known.content, '^[^:]*:(%d+):'))
  if last and sequence < last then return { 'outdated' } end
  -- A repeated statement: what the lease holds beyond it was granted in the first answer, so the answer is the same.
  if last == sequence then
    local granted = math.max(0, known.nanos - outstanding - free)
    return { 'leased', granted, 0, lifetime_ms(), '' }
  end
  local refusal = refusal_of_leases()
  if not known and total('count') >= HOLDS_MAX then return { 'leased', 0, 0, lifetime_ms(), 'concurrency_limited' } end
  -- A lease that holds nothing would count as a request in flight, so it ends. The answer to its gateway's next statement says so.
  if refusal and outstanding + free == 0 then
    end_lease()
    return { 'leased', 0, 0, lifetime_ms(), refusal }
  end
  return renew(known, refusal)
end

local answer = run()
save_totals()
return answer
