-- What an entity's requests in flight hold.

local now_ms = unpack(ARGV)

discard_half_lost_holds()
expire_holds(tonumber(now_ms), EXPIRE_BEFORE_DENIAL_MAX)
save_totals()
return { total('nanos'), total('count') }
