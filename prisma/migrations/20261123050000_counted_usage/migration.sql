-- What was counted and what was burnt, corrections included. Reports, statements and the checks of the books sum these views, so
-- what a correction means is written once.

create view counted_usage as
select
  e.entity, e.occurred_at, e.project, e.model, e.operation, e.user_id, e.api_key_id, e.period, e.price_id,
  1::bigint as sign, 1::bigint as requests,
  e.input_tokens, e.cached_input_tokens, e.output_tokens, e.reasoning_tokens, e.cost_picos, e.burnt_picos, e.burns
from usage_events e
union all
select
  c.entity, c.occurred_at, c.project, c.model, e.operation, e.user_id, e.api_key_id, c.period, c.old_price_id,
  -1::bigint, case c.kind when 'void' then c.requests else -1::bigint end,
  case c.kind when 'void' then c.input_tokens else -e.input_tokens end,
  case c.kind when 'void' then c.cached_input_tokens else -e.cached_input_tokens end,
  case c.kind when 'void' then c.output_tokens else -e.output_tokens end,
  case c.kind when 'void' then c.reasoning_tokens else -e.reasoning_tokens end,
  -c.old_cost_picos, -c.old_burnt_picos, c.old_burns
from usage_corrections c
join usage_events e on e.occurred_at = c.occurred_at and e.identity = c.identity
union all
select
  c.entity, c.occurred_at, c.project, c.model, e.operation, e.user_id, e.api_key_id, c.period, c.new_price_id,
  1::bigint, 1::bigint + c.requests,
  e.input_tokens + c.input_tokens, e.cached_input_tokens + c.cached_input_tokens,
  e.output_tokens + c.output_tokens, e.reasoning_tokens + c.reasoning_tokens,
  c.new_cost_picos, c.new_burnt_picos, c.new_burns
from usage_corrections c
join usage_events e on e.occurred_at = c.occurred_at and e.identity = c.identity
where c.kind = 'rerate';
comment on view counted_usage is
  'Each event as it was first rated; each correction takes it out as it was and, unless it voids, puts it in as it is now. Its burns count with the row''s sign.';
comment on column counted_usage.period is 'The month that charged the event, or that the correction is booked in.';

create view net_burns as
select entity, period, grant_id, amount_picos from burns
union all
select entity, period, grant_id, -amount_picos from burn_reversals;
comment on view net_burns is 'Burns less what was given back of them, by the month that each is booked in. Without a grant: overage.';
