-- Keeps the record of a denial unless its entity has had too many in this minute. KEYS: the denials of the minute.

local decision_id, record, count_max, ttl_seconds = unpack(ARGV)

if redis.call('HLEN', KEYS[1]) >= tonumber(count_max) then return 0 end
redis.call('HSET', KEYS[1], decision_id, record)
redis.call('EXPIRE', KEYS[1], ttl_seconds)
return 1
