-- How holds end, after holds.lua: released, booked or expired. Each leaves a tombstone in `ended`.

-- Ends a hold. It leaves a tombstone even where there is no hold, so that a reservation that arrives late stays ended.
local function end_hold(id, now)
  local text = redis.call('HGET', HOLDS, id)
  if text then
    local hold = parse(text)
    redis.call('HDEL', HOLDS, id)
    redis.call('ZREM', EXPIRY, id)
    add_to_totals(hold.project, -hold.nanos, -1)
  end
  redis.call('ZADD', ENDED, now, id)
end

local function prune_tombstones(now, added)
  local old = redis.call('ZRANGEBYSCORE', ENDED, '-inf', now - TOMBSTONE_MS, 'LIMIT', 0, added + TOMBSTONES_PRUNED_MAX)
  call_with_all('ZREM', ENDED, old)
end

local function end_holds(ids, now)
  if #ids == 0 then return end
  for _, id in ipairs(ids) do end_hold(id, now) end
  prune_tombstones(now, #ids)
  if redis.call('PTTL', ENDED) < TOMBSTONE_MS then redis.call('PEXPIRE', ENDED, 2 * TOMBSTONE_MS) end
end

-- Ends at most `count_max` expired holds, soonest first, and returns how many it ended.
local function expire_holds(now, count_max)
  local ids = redis.call('ZRANGEBYSCORE', EXPIRY, '-inf', now, 'LIMIT', 0, count_max)
  end_holds(ids, now)
  return #ids
end
