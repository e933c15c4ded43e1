-- What a reservation asks for, before both the fast path and the whole script. All are texts.
--   weighed_nanos       what is compared with the limits: the hold, or 1 for a request of unknown cost
--   learned_nanos, ...  held in place of the worst case while at least `learned_from_nanos` are left; empty where nothing was learned

local now_ms, age_ms_max, valid_from_ms, project_name, reservation_id, content, ttl_ms,
  weighed_nanos, hold_nanos, hold_picos, learned_nanos, learned_picos, learned_from_nanos = unpack(ARGV)
