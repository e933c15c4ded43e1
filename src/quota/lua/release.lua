-- Ends one hold. release-arguments.lua says which.

discard_half_lost_holds()
end_holds({ reservation_id }, tonumber(now_ms))
save_totals()
return 'OK'
