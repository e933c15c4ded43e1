-- Ends one hold. ARGV: now, id

heal()
finish_all({ ARGV[2] }, time_ms(ARGV[1]))
save_totals()
return 'OK'
