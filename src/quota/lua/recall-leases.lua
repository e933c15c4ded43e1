-- Asks the gateways to give back what their leases have free (README.md). This deletes the set of leases, to which a renewal adds
-- its lease again: many denials in a row ask a gateway once, and a lease that was renewed before a denial is always asked.
local function recall_leases(leases)
  if redis.call('DEL', leases) == 0 then return end
  -- What stands before the braces names the deployment too: REDIS_PREFIX.
  local before, entity = string.match(HOLDS, '^([^{]*){(.-)}:')
  redis.call('PUBLISH', before .. 'leases', entity)
end
