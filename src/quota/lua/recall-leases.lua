-- Asks the gateways to give back what their leases have free (README.md). A lease leaves the set when its gateway is told, until
-- it is renewed: a storm of denials tells it once, and a lease that was renewed before a denial is always told.
local function recall_leases(leases)
  if redis.call('DEL', leases) == 0 then return end
  redis.call('PUBLISH', 'tally:leases', string.match(HOLDS, '^tally:{(.-)}:'))
end
