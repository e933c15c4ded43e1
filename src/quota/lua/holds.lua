-- The holds of one entity, before every script that touches them. KEYS: holds, expiry, ended.
--   holds   hash: reservation id -> "nanos:picos:period/since:content" (since is the millisecond at which the hold was made, where
--           that is known), and the totals `nanos`, `count`, `nanos/<project>`,
--           `count/<project>` of the holds that have not ended
--   expiry  sorted set: reservation id by the millisecond from which the hold has expired
--   ended   sorted set: reservation id by the millisecond at which it ended: tombstones
-- Amounts are nanodollars below 2^53, where doubles are exact. Redis writes a number with 17 digits, so numbers are passed to it
-- as numbers; text is made with %.0f, because `..` keeps only 14 digits.

local HOLDS, EXPIRY, ENDED = KEYS[1], KEYS[2], KEYS[3]

-- Lua passes a few thousand arguments at most. An even number keeps fields and values together.
local ARGUMENTS_MAX = 1000

local function call_with_all(command, key, arguments)
  for first = 1, #arguments, ARGUMENTS_MAX do
    redis.call(command, key, unpack(arguments, first, math.min(first + ARGUMENTS_MAX - 1, #arguments)))
  end
end

local function whole(number)
  return string.format('%.0f', number)
end

-- Totals are read when they are first needed, an amount with its count or all that one project needs at once, and written once at
-- the end.
local totals, changed = {}, {}

local function read_totals(project)
  local fields = { 'nanos', 'count', 'nanos/' .. project, 'count/' .. project }
  local values = redis.call('HMGET', HOLDS, unpack(fields))
  for index, field in ipairs(fields) do totals[field] = tonumber(values[index] or 0) end
end

local function total(field)
  if not totals[field] then
    local of = string.match(field, '/.*') or ''
    local values = redis.call('HMGET', HOLDS, 'nanos' .. of, 'count' .. of)
    totals['nanos' .. of], totals['count' .. of] = tonumber(values[1] or 0), tonumber(values[2] or 0)
  end
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

-- Writes the totals, together with the given pairs of fields and values.
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

-- When Redis has lost one of the two keys, the other one names holds that nothing would end: discards them all and frees their
-- room. Every script that changes a hold changes both keys, so only a loss makes their counts differ.
local function discard_half_lost_holds()
  if redis.call('ZCARD', EXPIRY) ~= total('count') then
    redis.call('DEL', HOLDS, EXPIRY)
    totals = {}
  end
end

local function project_of(content)
  return string.match(content, '^([^:]*):')
end

local function parse(hold)
  local nanos, picos, period, since, content = string.match(hold, '^(%d+):(%d+):([^:/]+)/?(%d*):(.*)$')
  return {
    nanos = tonumber(nanos), picos = picos, period = period, since = since, content = content, project = project_of(content),
  }
end

-- The hold with `expires` and `is_over`; nil where there is none.
local function find(id, now)
  local expires = tonumber(redis.call('ZSCORE', EXPIRY, id))
  if not expires then return nil end
  local hold = parse(redis.call('HGET', HOLDS, id))
  hold.expires, hold.is_over = expires, expires <= now
  return hold
end

-- Takes over a hold whose request already runs, unless there are `count_max` already, and adds to `saved` what save_totals must write. A hold that has ended stays
-- ended, and one that is here stays as it is. `period` may end with "/since": what ended before then was another use of the id.
local function adopt(saved, count_max, id, nanos, picos, period, content, expires)
  local since, ended_at = tonumber(string.match(period, '/(%d+)$') or 0), tonumber(redis.call('ZSCORE', ENDED, id))
  if redis.call('ZSCORE', EXPIRY, id) or (ended_at and ended_at >= since) or total('count') >= count_max then return end
  local kept = math.min(nanos, NANOS_MAX - total('nanos'))
  add_to_totals(project_of(content), kept, 1)
  saved[#saved + 1] = id
  saved[#saved + 1] = table.concat({ whole(kept), picos, period, content }, ':')
  redis.call('ZADD', EXPIRY, expires, id)
end

local function keep_alive()
  if redis.call('PTTL', HOLDS) > KEY_TTL_MS_MIN then return end
  redis.call('PEXPIRE', HOLDS, KEY_TTL_MS)
  redis.call('PEXPIRE', EXPIRY, KEY_TTL_MS)
end
