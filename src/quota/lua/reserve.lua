-- Decides and holds in one step, all limits or nothing. Where a learned size is given, it is held in place of the worst case, but
-- only while `learned_from` nanodollars or more are left.
-- ARGV: now, age_ms_max, trusted_from_ms, project, weighed nanos, id, hold nanos, hold picos, ttl_ms, content, learned nanos
-- (empty is none), learned picos, learned_from nanos

local now = time_ms(ARGV[1])
local name, weighed_nanos = ARGV[4], tonumber(ARGV[5])
local id, hold_nanos, hold_picos, ttl_ms, content = ARGV[6], tonumber(ARGV[7]), ARGV[8], tonumber(ARGV[9]), ARGV[10]
local learned_nanos = tonumber(ARGV[11])

-- The same reservation again is the same hold, whatever the limits say by now.
local function repeated(hold)
  if hold.content ~= content then return reply(name, 0, 0, 'conflict') end
  return reply(name, hold.nanos, 1, 'held', hold.picos, hold.period, hold.expires)
end

local function hold(...)
  -- Totals stay within what is exact. No limit is above NANOS_MAX, so what is cut off decides nothing.
  local nanos = math.min(hold_nanos, NANOS_MAX - total('nanos'))
  local expires = now + ttl_ms
  add_to_totals(name, nanos, 1)
  save_totals(id, table.concat({ whole(nanos), hold_picos, state.period, content }, ':'))
  redis.call('ZADD', EXPIRY, expires, id)
  keep_alive()
  return reply(name, nanos, 1, 'held', hold_picos, state.period, expires, ...)
end

local function prefer_learned()
  prune(now, PRUNE_MAX)
  if least_left(name) < tonumber(ARGV[13]) then return end
  weighed_nanos, hold_nanos, hold_picos = learned_nanos, learned_nanos, ARGV[12]
end

local function run()
  read_totals(name)
  heal()
  if are_cold(now) then return { 'cold', now } end
  local known = find(id, now)
  if known and not known.is_over then return repeated(known) end
  -- Its own hold of before, whose time is up, must not stand in its way.
  if known then finish_all({ id }, now) end
  if state.mode == 'off' then return reply(name, 0, 0, 'off', state.period, now + ttl_ms) end
  if learned_nanos then prefer_learned() end
  local number, retryable = decide(name, weighed_nanos, now)
  if retryable then recall(KEYS[6]) end
  if number and state.mode ~= 'shadow' then return reply(name, 0, 0, 'denied', number, retryable and 1 or 0) end
  local ended_at = redis.call('ZSCORE', ENDED, id)
  if ended_at and now - tonumber(ended_at) < TOMBSTONE_MS then
    return reply(name, 0, 0, 'ended', state.period, tonumber(ended_at))
  end
  -- In shadow a request runs that should not: what it may cost is held all the same.
  if number then return hold(number, retryable and 1 or 0) end
  return hold()
end

local answer = run()
save_totals()
return answer
