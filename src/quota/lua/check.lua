-- Decides without holding. ARGV: now, age_ms_max, trusted_from_ms, project, weighed nanos

local now = time_ms(ARGV[1])
local name = ARGV[4]

local function run()
  read_totals(name)
  heal()
  if are_cold(now) then return { 'cold', now } end
  if state.mode == 'off' then return reply(name, 0, 0, 'allowed') end
  local number, retryable = decide(name, tonumber(ARGV[5]), now)
  if retryable then recall(KEYS[6]) end
  if number then return reply(name, 0, 0, 'denied', number, retryable and 1 or 0) end
  return reply(name, 0, 0, 'allowed')
end

local answer = run()
save_totals()
return answer
