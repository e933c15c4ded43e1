-- Decides without holding.

local now_ms, age_ms_max, valid_from_ms, project_name, weighed_nanos = unpack(ARGV)
local now = tonumber(now_ms)

local function run()
  read_states(project_name)
  read_totals(project_name)
  discard_half_lost_holds()
  if are_cold(now, age_ms_max, valid_from_ms) then return { 'cold', now } end
  if state.mode == 'off' then return reply(project_name, 0, 0, 'allowed') end
  local number, retryable = decide(project_name, tonumber(weighed_nanos), now)
  if retryable then recall_leases(KEYS[6]) end
  if number then return reply(project_name, 0, 0, 'denied', number, retryable and 1 or 0, next_to_end(retryable)) end
  return reply(project_name, 0, 0, 'allowed')
end

local answer = run()
save_totals()
return answer
