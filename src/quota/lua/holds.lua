-- The holds of one entity, before every script that touches them. KEYS: holds, expiry, ended.
--   holds   hash: reservation id -> "nanos:picos:period:content", and the totals `nanos`, `count`, `nanos/<project>`,
--           `count/<project>` of the holds that have not ended
--   expiry  sorted set: reservation id by the milliseconds at which the hold ends by itself (exclusive)
--   ended   sorted set: reservation id by the milliseconds at which it ended: tombstones
-- Amounts are nanodollars below 2^53, where doubles are exact. Redis writes a number that it is given with 17 digits, so it is
-- given as it is; text is made with %.0f, for `..` keeps 14 digits only.

local HOLDS, EXPIRY, ENDED = KEYS[1], KEYS[2], KEYS[3]

-- Lua hands over a few thousand arguments at most. An even number keeps fields and values together.
local ARGUMENTS_MAX = 1000

local function call_with_all(command, key, arguments)
  for first = 1, #arguments, ARGUMENTS_MAX do
    redis.call(command, key, unpack(arguments, first, math.min(first + ARGUMENTS_MAX - 1, #arguments)))
  end
end

local function whole(number)
  return string.format('%.0f', number)
end

-- The time in milliseconds: the caller's where it gives one, else the server's.
local function time_ms(given)
  if given ~= '' then return tonumber(given) end
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end

-- Totals are read when they are first asked for, all that one project needs at once, and written once at the end.
local totals, changed = {}, {}

local function read_totals(project)
  local fields = { 'nanos', 'count', 'nanos/' .. project, 'count/' .. project }
  local values = redis.call('HMGET', HOLDS, unpack(fields))
  for index, field in ipairs(fields) do totals[field] = tonumber(values[index] or 0) end
end

local function total(field)
  if not totals[field] then totals[field] = tonumber(redis.call('HGET', HOLDS, field) or 0) end
  return totals[field]
end

local function add(field, change)
  totals[field] = total(field) + change
  changed[field] = true
end

local function add_to_totals(project, nanos, count)
  add('nanos', nanos)
  add('count', count)
  add('nanos/' .. project, nanos)
  add('count/' .. project, count)
end

-- Writes the totals, and whatever pairs of fields and values are to be written with them.
local function save_totals(...)
  local set, zero = { ... }, {}
  for field in pairs(changed) do
    if totals[field] == 0 then
      zero[#zero + 1] = field
    else
      set[#set + 1] = field
      set[#set + 1] = totals[field]
    end
  end
  call_with_all('HSET', HOLDS, set)
  call_with_all('HDEL', HOLDS, zero)
  changed = {}
end

-- When Redis has lost one of the two keys, the other names holds that nothing would end: all are forgotten, and the room they
-- held is free. Each script that changes a hold changes both, so their counts differ only then.
local function heal()
  if redis.call('ZCARD', EXPIRY) ~= total('count') then
    redis.call('DEL', HOLDS, EXPIRY)
    totals = {}
  end
end

local function project_of(content)
  return string.match(content, '^([^:]*):')
end

local function parse(hold)
  local nanos, picos, period, content = string.match(hold, '^(%d+):(%d+):([^:]+):(.*)$')
  return { nanos = tonumber(nanos), picos = picos, period = period, content = content, project = project_of(content) }
end

-- The hold, when it ends, and whether its time is up; nil where there is none.
local function find(id, now)
  local expires = tonumber(redis.call('ZSCORE', EXPIRY, id))
  if not expires then return nil end
  local hold = parse(redis.call('HGET', HOLDS, id))
  hold.expires, hold.is_over = expires, expires <= now
  return hold
end

-- Ends a hold and leaves a tombstone, also where no hold is left, so that a reservation that comes late stays ended.
local function finish(id, now)
  local text = redis.call('HGET', HOLDS, id)
  if text then
    local hold = parse(text)
    redis.call('HDEL', HOLDS, id)
    redis.call('ZREM', EXPIRY, id)
    add_to_totals(hold.project, -hold.nanos, -1)
  end
  redis.call('ZADD', ENDED, now, id)
end

-- Takes over a hold whose request runs already, and adds to `saved` what save_totals must write. What has ended stays ended,
-- and what is here stays as it is.
local function adopt(saved, id, nanos, picos, period, content, expires)
  if redis.call('ZSCORE', EXPIRY, id) or redis.call('ZSCORE', ENDED, id) then return end
  local kept = math.min(nanos, NANOS_MAX - total('nanos'))
  add_to_totals(project_of(content), kept, 1)
  saved[#saved + 1] = id
  saved[#saved + 1] = table.concat({ whole(kept), picos, period, content }, ':')
  redis.call('ZADD', EXPIRY, expires, id)
end

local function forget_tombstones(now, added)
  local old = redis.call('ZRANGEBYSCORE', ENDED, '-inf', now - TOMBSTONE_MS, 'LIMIT', 0, added + FORGET_MAX)
  call_with_all('ZREM', ENDED, old)
end

local function finish_all(ids, now)
  if #ids == 0 then return end
  for _, id in ipairs(ids) do finish(id, now) end
  forget_tombstones(now, #ids)
  if redis.call('PTTL', ENDED) < TOMBSTONE_MS then redis.call('PEXPIRE', ENDED, 2 * TOMBSTONE_MS) end
end

-- Ends holds whose time is up, soonest first, and returns how many.
local function prune(now, count_max)
  local ids = redis.call('ZRANGEBYSCORE', EXPIRY, '-inf', now, 'LIMIT', 0, count_max)
  finish_all(ids, now)
  return #ids
end

local function keep_alive()
  if redis.call('PTTL', HOLDS) > KEY_TTL_MS_MIN then return end
  redis.call('PEXPIRE', HOLDS, KEY_TTL_MS)
  redis.call('PEXPIRE', EXPIRY, KEY_TTL_MS)
end

-- Has the gateways give back what their leases have free (README.md). A lease that was told leaves the set until it is renewed,
-- so a storm of denials tells it once, and a renewal that ran before is told in any case.
local function recall(leases)
  if redis.call('DEL', leases) == 0 then return end
  redis.call('PUBLISH', 'tally:leases', string.match(HOLDS, '^tally:{(.-)}:'))
end
