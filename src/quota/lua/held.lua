-- What an entity's running requests hold. ARGV: now

heal()
prune(time_ms(ARGV[1]), PRUNE_BEFORE_DENIAL_MAX)
save_totals()
return { total('nanos'), total('count') }
