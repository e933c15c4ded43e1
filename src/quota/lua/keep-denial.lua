-- Keeps a denial where its entity has had few in this minute. KEYS: denials of the minute. ARGV: id, record, count_max, ttl_s

if redis.call('HLEN', KEYS[1]) >= tonumber(ARGV[3]) then return 0 end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
redis.call('EXPIRE', KEYS[1], ARGV[4])
return 1
