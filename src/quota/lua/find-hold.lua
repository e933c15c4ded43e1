-- One hold: its expiry and itself. Replies nil where it has ended.

local now_ms, reservation_id = unpack(ARGV)

discard_half_lost_holds()
save_totals()
local known = find(reservation_id, tonumber(now_ms))
if not known or known.is_over then return nil end
return { whole(known.expires), redis.call('HGET', HOLDS, reservation_id) }
