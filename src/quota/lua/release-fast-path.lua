-- The usual release in a straight line, before the whole script: the hold is there and no key was lost. In any other case this
-- changes nothing, and the whole script starts from the beginning.

do
  -- As in reserve-fast-path.lua, numbers go to Redis as text.
  local call, format = redis.call, string.format
  local holds, expiry, ended = KEYS[1], KEYS[2], KEYS[3]
  local held = call('HMGET', holds, reservation_id, 'nanos', 'count')
  local nanos, count = tonumber(held[2] or 0), tonumber(held[3] or 0)
  -- After the last hold both keys are deleted, whatever they contain.
  if held[1] and (count == 1 or call('ZCARD', expiry) == count) then
    local now = tonumber(now_ms)
    local hold_nanos, name = string.match(held[1], '^(%d+):%d+:[^:]+:([^:]*):')
    local of_nanos, of_count = 'nanos/' .. name, 'count/' .. name
    if count == 1 then
      call('DEL', holds, expiry)
    else
      local of_project = call('HMGET', holds, of_nanos, of_count)
      local project_nanos, project_count = tonumber(of_project[1] or 0), tonumber(of_project[2])
      call('ZREM', expiry, reservation_id)
      if project_count == 1 then
        call('HDEL', holds, reservation_id, of_nanos, of_count)
        call('HSET', holds, 'nanos', format('%d', nanos - hold_nanos), 'count', format('%d', count - 1))
      else
        call('HDEL', holds, reservation_id)
        call('HSET', holds, 'nanos', format('%d', nanos - hold_nanos), 'count', format('%d', count - 1),
          of_nanos, format('%d', project_nanos - hold_nanos), of_count, format('%d', project_count - 1))
      end
    end
    call('ZADD', ended, format('%d', now), reservation_id)
    local ttl = call('PTTL', ended)
    if ttl < TOMBSTONE_MS then call('PEXPIRE', ended, 2 * TOMBSTONE_MS) end
    -- A key without a time to live was created just now and holds no old tombstone.
    if ttl >= 0 then
      local old = call('ZRANGEBYSCORE', ended, '-inf', format('%d', now - TOMBSTONE_MS),
        'LIMIT', 0, 1 + TOMBSTONES_PRUNED_MAX)
      if old[1] then call('ZREM', ended, unpack(old)) end
    end
    return 'OK'
  end
end
