-- The bounds of the scripts that touch holds, before each of them. Locals at the top cost a call next to nothing.

local NANOS_MAX = 9000000000000000
-- Holds and leases of an entity without a limit of its own for requests in flight: one that costs nothing passes every limit of money,
-- and a caller that made them without end would fill Redis. HOLDS_OF_ENTITY_MAX of src/domain/quota-limits.ts.
local HOLDS_MAX = 200000
-- Holds that are moved here after an outage were admitted already: as many as the largest limit that an entity may have of its own.
local ADOPTED_MAX = 1000000
-- How many expired holds one call ends, and how many more it ends before it denies because of other holds.
local EXPIRE_MAX, EXPIRE_BEFORE_DENIAL_MAX = 50, 5000
-- How long an ended reservation cannot come back, and how many old tombstones a call prunes beyond the number it adds.
local TOMBSTONE_MS, TOMBSTONES_PRUNED_MAX = 900000, 20
-- The keys of an idle entity vanish after twice the longest hold, so never before its last hold has ended. Checking the time to
-- live is cheaper than renewing it, which the append-only file must record: it is renewed once an hour.
local KEY_TTL_MS, KEY_TTL_MS_MIN = 172800000, 169200000
-- A limited project in its entity's state: concurrency, room under the cap, facts.
local PROJECT_LIMITS = '^(%d*):(%-?%d*):(.*)$'
