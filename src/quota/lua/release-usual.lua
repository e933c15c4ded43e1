-- Before the whole script of a release, as reserve-usual.lua is before that of a reservation: the hold is there, and no key was lost.

do
  local call = redis.call
  local holds, expiry, ended, id = KEYS[1], KEYS[2], KEYS[3], ARGV[2]
  local held = call('HMGET', holds, id, 'nanos', 'count')
  local nanos, count = tonumber(held[2] or 0), tonumber(held[3] or 0)
  -- After the last hold both keys go, whatever they were.
  if held[1] and (count == 1 or call('ZCARD', expiry) == count) then
    local now = tonumber(ARGV[1])
    if not now then
      local time = call('TIME')
      now = time[1] * 1000 + math.floor(time[2] / 1000)
    end
    local hold_nanos, name = string.match(held[1], '^(%d+):%d+:[^:]+:([^:]*):')
    local of_nanos, of_count = 'nanos/' .. name, 'count/' .. name
    if count == 1 then
      call('DEL', holds, expiry)
    else
      local of_project = call('HMGET', holds, of_nanos, of_count)
      local project_nanos, project_count = tonumber(of_project[1] or 0), tonumber(of_project[2])
      call('ZREM', expiry, id)
      if project_count == 1 then
        call('HDEL', holds, id, of_nanos, of_count)
        call('HSET', holds, 'nanos', nanos - hold_nanos, 'count', count - 1)
      else
        call('HDEL', holds, id)
        call('HSET', holds, 'nanos', nanos - hold_nanos, 'count', count - 1,
          of_nanos, project_nanos - hold_nanos, of_count, project_count - 1)
      end
    end
    call('ZADD', ended, now, id)
    local ttl = call('PTTL', ended)
    if ttl < TOMBSTONE_MS then call('PEXPIRE', ended, 2 * TOMBSTONE_MS) end
    -- One that had no time to live is new, and has nothing to forget.
    if ttl >= 0 then
      local forgotten = call('ZRANGEBYSCORE', ended, '-inf', now - TOMBSTONE_MS, 'LIMIT', 0, 1 + FORGET_MAX)
      if forgotten[1] then call('ZREM', ended, unpack(forgotten)) end
    end
    return 'OK'
  end
end
