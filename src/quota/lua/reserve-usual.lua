-- Before the whole script of a reservation, which this is a part of: the usual one, in a straight line. The states are warm, the
-- id is new, no hold's time is up and every limit leaves room. Whatever is not so changes nothing here and is left to the rest,
-- which starts again. What the rest takes is functions and tables that Lua makes anew for each call: half of a decision's time.

do
  local call = redis.call
  local holds, expiry, name, id = KEYS[1], KEYS[2], ARGV[4], ARGV[6]
  local now = tonumber(ARGV[1])
  if not now then
    local time = call('TIME')
    now = time[1] * 1000 + math.floor(time[2] / 1000)
  end
  local state = call('HMGET', KEYS[4], 'loaded_at_ms', 'starts_ms', 'ends_ms', 'fresh_until_ms', 'facts',
    'entity_concurrency', 'entity_monthly_cap', 'entity_yearly_cap', 'credits', 'period', 'mode')
  local project = call('HMGET', KEYS[5], 'loaded_at_ms', 'starts_ms', 'ends_ms', 'fresh_until_ms', 'facts',
    'project_concurrency', 'project_monthly_cap')
  local of_nanos, of_count = 'nanos/' .. name, 'count/' .. name
  local held = call('HMGET', holds, 'nanos', 'count', of_nanos, of_count, id)
  local nanos, count = tonumber(held[1] or 0), tonumber(held[2] or 0)
  local project_nanos, project_count = tonumber(held[3] or 0), tonumber(held[4] or 0)

  local loaded_at = math.min(tonumber(state[1] or 0), tonumber(project[1] or 0))
  local is_warm = state[1] and project[1]
    and now >= tonumber(state[2]) and now < tonumber(state[3]) and now < tonumber(state[4])
    and now >= tonumber(project[2]) and now < tonumber(project[3]) and now < tonumber(project[4])
    and now - loaded_at <= tonumber(ARGV[2]) and loaded_at >= tonumber(ARGV[3])

  local left = (tonumber(project[7]) or math.huge) - project_nanos
  for index = 7, 9 do
    local room = tonumber(state[index])
    if room and room - nanos < left then left = room - nanos end
  end
  local weighed, hold_nanos, hold_picos = tonumber(ARGV[5]), ARGV[7], ARGV[8]
  if ARGV[11] ~= '' and left >= tonumber(ARGV[13]) then
    weighed, hold_nanos, hold_picos = tonumber(ARGV[11]), ARGV[11], ARGV[12]
  end

  if is_warm and not held[5]
    and (not state[11] or state[11] == 'enforce')
    and weighed <= left
    and count < (tonumber(state[6]) or math.huge) and project_count < (tonumber(project[6]) or math.huge)
    and nanos + hold_nanos <= NANOS_MAX
    and call('ZCARD', expiry) == count
    and (count == 0 or not call('ZRANGEBYSCORE', expiry, '-inf', now, 'LIMIT', 0, 1)[1])
    and not call('ZSCORE', KEYS[3], id)
  then
    local expires = now + ARGV[9]
    call('HSET', holds, 'nanos', nanos + hold_nanos, 'count', count + 1,
      of_nanos, project_nanos + hold_nanos, of_count, project_count + 1,
      id, table.concat({ hold_nanos, hold_picos, state[10], ARGV[10] }, ':'))
    call('ZADD', expiry, expires, id)
    if count == 0 or call('PTTL', holds) <= KEY_TTL_MS_MIN then
      call('PEXPIRE', holds, KEY_TTL_MS)
      call('PEXPIRE', expiry, KEY_TTL_MS)
    end
    return {
      'held', state[5], project[5], nanos, count, project_nanos, project_count, hold_picos, state[10], expires,
    }
  end
end
