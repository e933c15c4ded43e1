-- Asks the gateways to give back what their leases have free (README.md). This deletes the set of leases, to which a renewal adds
-- its lease again: many denials in a row ask a gateway once, and a lease that was renewed before a denial is always asked.
local function recall_leases(leases)
  if redis.call('DEL', leases) == 0 then return end
  redis.call('PUBLISH', 'tally:leases', string.match(HOLDS, '^tally:{(.-)}:'))
end
