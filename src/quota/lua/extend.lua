-- Keeps a hold for longer, never for shorter. Nil where it has ended. ARGV: now, id, ttl_ms

local now, id, ttl_ms = time_ms(ARGV[1]), ARGV[2], tonumber(ARGV[3])

heal()
local hold = find(id, now)
if not hold or hold.is_over then return nil end
local expires = math.max(hold.expires, now + ttl_ms)
redis.call('ZADD', EXPIRY, expires, id)
keep_alive()
return { hold.picos, hold.period, expires, hold.content }
