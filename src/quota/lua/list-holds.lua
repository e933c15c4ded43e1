-- A page of an entity's holds by expiry, `order` asc or desc: id, expiry and hold of each, alternating. Replies nil where `after_id`, which is
-- the last id of the page before or empty, is no hold.

local now_ms, after_id, count_max, order = unpack(ARGV)

discard_half_lost_holds()
expire_holds(tonumber(now_ms), EXPIRE_BEFORE_DENIAL_MAX)
save_totals()
local reverse = order == 'desc'
local first = 0
if after_id ~= '' then
  local rank = redis.call(reverse and 'ZREVRANK' or 'ZRANK', EXPIRY, after_id)
  if not rank then return nil end
  first = rank + 1
end
local range = reverse and 'ZREVRANGE' or 'ZRANGE'
local page, listed = redis.call(range, EXPIRY, first, first + count_max - 1, 'WITHSCORES'), {}
for index = 1, #page, 2 do
  local id = page[index]
  listed[#listed + 1] = id
  listed[#listed + 1] = page[index + 1]
  listed[#listed + 1] = redis.call('HGET', HOLDS, id)
end
return listed
