-- Keeps a hold for longer, never for shorter. Replies nil where it has ended.

local now_ms, reservation_id, ttl_ms = unpack(ARGV)
local now = tonumber(now_ms)

discard_half_lost_holds()
local hold = find(reservation_id, now)
if not hold or hold.is_over then return nil end
local expires = math.max(hold.expires, now + ttl_ms)
redis.call('ZADD', EXPIRY, expires, reservation_id)
keep_alive()
return { hold.picos, hold.period, expires, hold.content, hold.since }
