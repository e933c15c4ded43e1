-- How holds end, after holds.lua: released, booked or expired. Each leaves a tombstone in `ended`.

-- Half of what Lua passes, because a tombstone is two arguments.
local ENDED_AT_ONCE = ARGUMENTS_MAX / 2

-- Ends some of the holds. Each leaves a tombstone even where there is no hold, so that a reservation that arrives late stays ended.
local function end_some(ids, first, last, now)
  local ended, tombstones = {}, {}
  for index, text in ipairs(redis.call('HMGET', HOLDS, unpack(ids, first, last))) do
    local id = ids[first + index - 1]
    if text and not ended[id] then
      local hold = parse(text)
      add_to_totals(hold.project, -hold.nanos, -1)
      ended[id] = true
    end
    tombstones[2 * index - 1], tombstones[2 * index] = now, id
  end
  if next(ended) and total('count') == 0 then
    -- After the last hold both keys are deleted, whatever they contain.
    redis.call('DEL', HOLDS, EXPIRY)
    totals, changed = {}, {}
  elseif next(ended) then
    redis.call('HDEL', HOLDS, unpack(ids, first, last))
    redis.call('ZREM', EXPIRY, unpack(ids, first, last))
  end
  redis.call('ZADD', ENDED, unpack(tombstones))
end

local function prune_tombstones(now, added)
  local old = redis.call('ZRANGEBYSCORE', ENDED, '-inf', now - TOMBSTONE_MS, 'LIMIT', 0, added + TOMBSTONES_PRUNED_MAX)
  call_with_all('ZREM', ENDED, old)
end

local function end_holds(ids, now)
  if #ids == 0 then return end
  for first = 1, #ids, ENDED_AT_ONCE do
    end_some(ids, first, math.min(first + ENDED_AT_ONCE - 1, #ids), now)
  end
  prune_tombstones(now, #ids)
  if redis.call('PTTL', ENDED) < TOMBSTONE_MS then redis.call('PEXPIRE', ENDED, 2 * TOMBSTONE_MS) end
end

-- Ends at most `count_max` expired holds, soonest first, and returns how many it ended.
local function expire_holds(now, count_max)
  local ids = redis.call('ZRANGEBYSCORE', EXPIRY, '-inf', now, 'LIMIT', 0, count_max)
  end_holds(ids, now)
  return #ids
end
