-- Renews a lease, or ends it: README.md has the protocol. A lease is one hold, of what its gateway says it may still spend and of
-- what is granted here on top; the sequence of its last statement stands in its content.
--   leases  sorted set: the leases that have something free, by the milliseconds until which their gateways admit by them
-- ARGV: now, age_ms_max, trusted_from_ms, project, id, sequence, outstanding, free, wanted and least nanos, ttl_ms, request_ms,
--   finished as JSON: [id, nanos, picos], all texts; whether it ends: 0 or 1

local now, name, id = time_ms(ARGV[1]), ARGV[4], ARGV[5]
local sequence, outstanding, free = tonumber(ARGV[6]), tonumber(ARGV[7]), tonumber(ARGV[8])
local wanted, least = tonumber(ARGV[9]), tonumber(ARGV[10])
local ttl_ms, request_ms, ends = tonumber(ARGV[11]), tonumber(ARGV[12]), ARGV[14] == '1'
local LEASES = KEYS[6]

local function least_of(first, ...)
  local least_number = first
  for _, text in ipairs({ ... }) do least_number = math.min(least_number, tonumber(text) or least_number) end
  return least_number
end

local function left_nanos()
  return math.min(least_left(name), NANOS_MAX - total('nanos'))
end

local function count_of_leases()
  redis.call('ZREMRANGEBYSCORE', LEASES, '-inf', now)
  local others = redis.call('ZCARD', LEASES)
  if redis.call('ZSCORE', LEASES, id) then others = others - 1 end
  return others + 1
end

-- Why it gets nothing, however much is left; nil where nothing stands against it.
local function refusal_of_leases()
  if state.mode ~= 'enforce' then return 'not_enforced' end
  if tonumber(state.entity_concurrency) or tonumber(project.project_concurrency) then return 'concurrency_limited' end
end

-- What it may have free from now on: half of what is left, in equal parts for all leases, so that what holds are asked for
-- centrally finds room; nothing where that is too little to be worth it. And why it is less than was wanted.
local function free_target(refusal)
  if refusal then return 0, refusal end
  local share = math.floor((left_nanos() + free) / (2 * count_of_leases()))
  if share < wanted and prune(now, PRUNE_BEFORE_DENIAL_MAX) > 0 then
    share = math.floor((left_nanos() + free) / (2 * count_of_leases()))
  end
  if share >= wanted then return wanted, '' end
  if share < least then return 0, 'near_limit' end
  return share, 'shared'
end

-- The gateway admits no longer than the state decides.
local function lifetime_ms()
  return least_of(now + ttl_ms, state.ends_ms, state.fresh_until_ms, project.ends_ms) - now
end

local function adopt_finished(saved)
  for _, hold in ipairs(cjson.decode(ARGV[13])) do
    adopt(saved, hold[1], tonumber(hold[2]), hold[3], state.period, name .. ':::lease', now + request_ms)
  end
end

local function save(saved, nanos)
  saved[#saved + 1] = id
  saved[#saved + 1] = table.concat({ whole(nanos), '0', state.period, name, whole(sequence), '', 'lease' }, ':')
  save_totals(unpack(saved))
  redis.call('ZADD', EXPIRY, now + ttl_ms + request_ms, id)
  keep_alive()
end

local function note_as_live(is_free)
  if not is_free then
    redis.call('ZREM', LEASES, id)
    return
  end
  redis.call('ZADD', LEASES, now + ttl_ms, id)
  redis.call('PEXPIRE', LEASES, KEY_TTL_MS)
end

local function finish_lease()
  local saved = {}
  adopt_finished(saved)
  finish_all({ id }, now)
  save_totals(unpack(saved))
  keep_alive()
  redis.call('ZREM', LEASES, id)
  return { 'ended' }
end

local function renew(known, refusal)
  local saved, before = {}, known and known.nanos or 0
  adopt_finished(saved)
  prune(now, PRUNE_MAX)
  local stated = math.min(outstanding + free, NANOS_MAX - (total('nanos') - before))
  add_to_totals(name, stated - before, known and 0 or 1)
  local target, reason = free_target(refusal)
  local granted, give_back = math.max(0, target - free), math.max(0, free - target)
  add_to_totals(name, granted, 0)
  save(saved, stated + granted)
  note_as_live(free + granted > 0)
  return { 'leased', granted, give_back, lifetime_ms(), reason }
end

local function run()
  read_totals(name)
  heal()
  if are_cold(now) then return { 'cold', now } end
  if ends then return finish_lease() end
  local known = find(id, now)
  if known and known.is_over then finish_all({ id }, now) end
  if redis.call('ZSCORE', ENDED, id) then return { 'ended' } end
  if known and known.project ~= name then return { 'conflict' } end
  local last = known and tonumber(string.match(known.content, '^[^:]*:(%d+):'))
  if last and sequence < last then return { 'outdated' } end
  -- The same statement again: nothing has changed since, so what the lease holds beyond it was granted for it.
  if last == sequence then
    local granted = math.max(0, known.nanos - outstanding - free)
    return { 'leased', granted, 0, lifetime_ms(), '' }
  end
  local refusal = refusal_of_leases()
  -- A lease of nothing would count as a request in flight. It has ended when its gateway states something next.
  if refusal and outstanding + free == 0 then
    finish_lease()
    return { 'leased', 0, 0, lifetime_ms(), refusal }
  end
  return renew(known, refusal)
end

local answer = run()
save_totals()
return answer
