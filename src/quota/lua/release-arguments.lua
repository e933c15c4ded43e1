-- What a release asks for, before both the fast path and the whole script.

local now_ms, reservation_id = unpack(ARGV)
