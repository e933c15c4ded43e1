-- The bounds of the scripts about holds, before each of them. They are locals at the top, which cost a call next to nothing.

local NANOS_MAX = 9000000000000000
-- How many expired holds one call ends, and how many more before it denies for the sake of holds.
local PRUNE_MAX, PRUNE_BEFORE_DENIAL_MAX = 50, 5000
-- How long an ended reservation cannot come back, and how many forgotten ones a call removes beyond those it adds.
local TOMBSTONE_MS, FORGET_MAX = 900000, 20
-- Keys of idle entities vanish: twice the longest hold, so never before the last hold has ended. To look is cheaper than to
-- write, which the append-only file must keep, so it is put off only when an hour of it has passed.
local KEY_TTL_MS, KEY_TTL_MS_MIN = 172800000, 169200000
