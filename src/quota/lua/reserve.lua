-- Decides and holds in one step, under all limits or not at all. reserve-arguments.lua says what it is asked.

local now = tonumber(now_ms)
local weighed, nanos_to_hold, picos_to_hold = tonumber(weighed_nanos), tonumber(hold_nanos), hold_picos
local learned = tonumber(learned_nanos)

-- A repeated request gets the same hold, whatever the limits say by now.
local function repeated(hold)
  if hold.content ~= content then return reply(project_name, 0, 0, 'conflict') end
  return reply(project_name, hold.nanos, 1, 'held', hold.picos, hold.period, hold.expires)
end

local function hold(...)
  -- Totals stay where doubles are exact. No limit is above NANOS_MAX, so what is cut off changes no decision.
  local nanos = math.min(nanos_to_hold, NANOS_MAX - total('nanos'))
  local expires = now + ttl_ms
  add_to_totals(project_name, nanos, 1)
  save_totals(reservation_id, table.concat({ whole(nanos), picos_to_hold, state.period .. '/' .. now_ms, content }, ':'))
  redis.call('ZADD', EXPIRY, expires, reservation_id)
  keep_alive()
  return reply(project_name, nanos, 1, 'held', picos_to_hold, state.period, expires, ...)
end

local function prefer_learned()
  expire_holds(now, EXPIRE_MAX)
  if least_left(project_name) < tonumber(learned_from_nanos) then return end
  weighed, nanos_to_hold, picos_to_hold = learned, learned, learned_picos
end

local function run()
  read_states(project_name)
  read_totals(project_name)
  discard_half_lost_holds()
  if are_cold(now, age_ms_max, valid_from_ms) then return { 'cold', now } end
  local known = find(reservation_id, now)
  if known and not known.is_over then return repeated(known) end
  if known then end_holds({ reservation_id }, now) end
  -- Its id was used: admitting it again would hold nothing, since its hold stays ended.
  local ended_at = tonumber(redis.call('ZSCORE', ENDED, reservation_id))
  if ended_at and now - ended_at < TOMBSTONE_MS then return reply(project_name, 0, 0, 'ended') end
  if state.mode == 'off' then return reply(project_name, 0, 0, 'off', state.period, now + ttl_ms) end
  if learned then prefer_learned() end
  local number, retryable = decide(project_name, weighed, now)
  if retryable then recall_leases(KEYS[6]) end
  if number and state.mode ~= 'shadow' then
    return reply(project_name, 0, 0, 'denied', number, retryable and 1 or 0, next_to_end(retryable))
  end
  -- In shadow mode the request runs although a limit denies it, so what it may cost is held anyway, until there are as many holds as an
  -- entity may have under any limit: from there on it runs without one.
  if number and total('count') >= math.max(HOLDS_MAX, tonumber(state.entity_concurrency) or 0) then
    return reply(project_name, 0, 0, 'held', '0', state.period, now + ttl_ms, number, retryable and 1 or 0)
  end
  if number then return hold(number, retryable and 1 or 0) end
  return hold()
end

local answer = run()
save_totals()
return answer
