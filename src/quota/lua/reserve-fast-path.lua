-- The usual reservation in a straight line, before the whole script: the states are fresh, the id is new, no hold has expired and
-- every limit leaves room. In any other case this changes nothing, and the whole script starts from the beginning. That script's
-- functions and tables, which Lua creates again for each call, take half of the time of a decision.

do
  -- Numbers go to Redis as text, because it converts a Lua number by way of a fraction of 17 digits, which takes longer.
  local call, format = redis.call, string.format
  local holds, expiry = KEYS[1], KEYS[2]
  local now = tonumber(now_ms)
  local state = call('HMGET', KEYS[4], 'loaded_at_ms', 'starts_ms', 'ends_ms', 'fresh_until_ms', 'facts',
    'entity_concurrency', 'entity_monthly_cap', 'entity_yearly_cap', 'credits', 'period', 'mode', 'limited_projects',
    'project/' .. project_name, 'project_keys_from')
  -- A project without a limit, unless the state or a key of its own names one. What is read from the state is as fresh as that.
  local project, slots, cap, project_facts = state, nil, nil, ''
  if state[13] then
    slots, cap, project_facts = string.match(state[13], PROJECT_LIMITS)
  elseif not state[12] then
    project = call('HMGET', KEYS[5], 'loaded_at_ms', 'starts_ms', 'ends_ms', 'fresh_until_ms', 'facts',
      'project_concurrency', 'project_monthly_cap', 'version')
    slots, cap, project_facts = project[6], project[7], project[5]
    if tonumber(project[8] or 0) < tonumber(state[14] or 0) then project = {} end
  end
  local of_nanos, of_count = 'nanos/' .. project_name, 'count/' .. project_name
  local held = call('HMGET', holds, 'nanos', 'count', of_nanos, of_count, reservation_id)
  local nanos, count = tonumber(held[1] or 0), tonumber(held[2] or 0)
  local project_nanos, project_count = tonumber(held[3] or 0), tonumber(held[4] or 0)

  local loaded_at = math.min(tonumber(state[1] or 0), tonumber(project[1] or 0))
  local is_fresh = state[1] and project[1]
    and now >= tonumber(state[2]) and now < tonumber(state[3]) and now < tonumber(state[4])
    and (project == state
      or now >= tonumber(project[2]) and now < tonumber(project[3]) and now < tonumber(project[4]))
    and now - loaded_at <= tonumber(age_ms_max) and loaded_at >= tonumber(valid_from_ms)

  local left = (tonumber(cap) or math.huge) - project_nanos
  for index = 7, 9 do
    local room = tonumber(state[index])
    if room and room - nanos < left then left = room - nanos end
  end
  local weighed, nanos_to_hold, picos_to_hold = tonumber(weighed_nanos), hold_nanos, hold_picos
  if learned_nanos ~= '' and left >= tonumber(learned_from_nanos) then
    weighed, nanos_to_hold, picos_to_hold = tonumber(learned_nanos), learned_nanos, learned_picos
  end

  if is_fresh and not held[5]
    and (not state[11] or state[11] == 'enforce')
    and weighed <= left
    and count < (tonumber(state[6]) or HOLDS_MAX) and project_count < (tonumber(slots) or math.huge)
    and nanos + nanos_to_hold <= NANOS_MAX
    and call('ZCARD', expiry) == count
    and (count == 0 or not call('ZRANGEBYSCORE', expiry, '-inf', format('%d', now), 'LIMIT', 0, 1)[1])
    and not call('ZSCORE', KEYS[3], reservation_id)
  then
    local expires = now + ttl_ms
    call('HSET', holds, 'nanos', format('%d', nanos + nanos_to_hold), 'count', format('%d', count + 1),
      of_nanos, format('%d', project_nanos + nanos_to_hold), of_count, format('%d', project_count + 1),
      reservation_id, nanos_to_hold .. ':' .. picos_to_hold .. ':' .. state[10] .. '/' .. now_ms .. ':' .. content)
    call('ZADD', expiry, format('%d', expires), reservation_id)
    if count == 0 or call('PTTL', holds) <= KEY_TTL_MS_MIN then
      call('PEXPIRE', holds, KEY_TTL_MS)
      call('PEXPIRE', expiry, KEY_TTL_MS)
    end
    return {
      'held', state[5], project_facts, nanos, count, project_nanos, project_count, picos_to_hold, state[10], expires,
    }
  end
end
