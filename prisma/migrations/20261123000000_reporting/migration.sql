-- Views for people who ask with SQL: dashboards, notebooks, warehouses. They show dollars, and nothing secret. A view is a
-- promise: add columns at its end, and never change what one means.

create schema reporting;
comment on schema reporting is 'Read-only views of Tally in US dollars. All days and periods are in UTC.';

-- Multiplying is exact where dividing is not: a numeric product keeps every digit.
create function reporting.usd(picos numeric) returns numeric
  language sql immutable parallel safe
  return picos * 0.000000000001;
comment on function reporting.usd is 'Picodollars as US dollars, exactly.';

create view reporting.daily_usage as
select
  entity, project, model, operation, (hour at time zone 'UTC')::date as day, period,
  period <> to_char(hour at time zone 'UTC', 'YYYY-MM') as is_correction,
  price_id = 0 as is_unpriced,
  sum(requests) as requests,
  sum(input_tokens) as input_tokens,
  sum(cached_input_tokens) as cached_input_tokens,
  sum(output_tokens) as output_tokens,
  sum(reasoning_tokens) as reasoning_tokens,
  reporting.usd(sum(cost_picos)) as cost_usd,
  reporting.usd(sum(paid_burnt_picos)) as paid_credits_usd,
  reporting.usd(sum(promotional_burnt_picos)) as promotional_credits_usd,
  reporting.usd(sum(cost_picos - paid_burnt_picos - promotional_burnt_picos)) as overage_usd
from public.usage_hourly
group by entity, project, model, operation, day, period, is_correction, is_unpriced;
comment on view reporting.daily_usage is 'Usage and what it cost, by entity, project, model and the day on which it occurred.';
comment on column reporting.daily_usage.period is 'The month that charged it.';
comment on column reporting.daily_usage.is_correction is 'True where it occurred in an earlier month, which was closed: late, voided or rated anew.';
comment on column reporting.daily_usage.is_unpriced is 'True where the model has no price yet; it is charged when the price comes.';
comment on column reporting.daily_usage.input_tokens is 'Without the cached ones.';
comment on column reporting.daily_usage.reasoning_tokens is 'Among the output tokens.';
comment on column reporting.daily_usage.paid_credits_usd is 'The part of the cost that bought credits paid.';
comment on column reporting.daily_usage.promotional_credits_usd is 'The part of the cost that promotional credits paid.';
comment on column reporting.daily_usage.overage_usd is 'The part of the cost that no credits paid.';

create view reporting.monthly_spend as
select
  s.entity, s.period, to_date(s.period, 'YYYY-MM') as month,
  reporting.usd(s.cost_picos) as cost_usd,
  reporting.usd(s.burnt_picos) as credits_usd,
  reporting.usd(s.overage_picos) as overage_usd,
  c.number as statement_number, c.closed_at
from public.entity_spend s
left join public.closed_periods c on c.entity = s.entity and c.period = s.period;
comment on view reporting.monthly_spend is 'What each entity was charged in each month, and what paid it.';
comment on column reporting.monthly_spend.overage_usd is 'What is owed for the month: the part that no credits paid.';
comment on column reporting.monthly_spend.statement_number is 'Null while the month is open.';

create view reporting.project_spend as
select entity, project, period, to_date(period, 'YYYY-MM') as month, reporting.usd(cost_picos) as cost_usd
from public.project_spend;
comment on view reporting.project_spend is 'What each project was charged in each month.';

create view reporting.credit_grants as
select
  id as grant_id, entity, category, priority,
  reporting.usd(amount_picos) as amount_usd,
  reporting.usd(remaining_picos) as remaining_usd,
  reporting.usd(burnt_picos) as burnt_usd,
  reporting.usd(voided_picos) as voided_usd,
  reporting.usd(expired_picos) as expired_usd,
  effective_at, expires_at, created_at, reference
from public.credit_grants;
comment on view reporting.credit_grants is 'Every lot of credits: amount = remaining + burnt + voided + expired.';

create view reporting.balances as
select
  e.name as entity, e.plan,
  reporting.usd(coalesce(sum(g.remaining_picos), 0)) as credits_usd,
  reporting.usd(coalesce(sum(g.remaining_picos) filter (where g.category = 'paid'), 0)) as paid_credits_usd,
  reporting.usd(coalesce(sum(g.remaining_picos) filter (where g.category = 'promotional'), 0)) as promotional_credits_usd,
  min(g.expires_at) as next_expiry_at
from public.entities e
left join public.credit_grants g
  on g.entity = e.name and g.remaining_picos > 0
  and g.effective_at <= now() and (g.expires_at is null or g.expires_at > now())
group by e.name, e.plan;
comment on view reporting.balances is 'The credits that each entity can spend now. What running requests hold is not in here.';
comment on column reporting.balances.next_expiry_at is 'When the first of these credits expire; null where none does.';

create view reporting.caps as
with spent as (
  select
    entity,
    sum(cost_picos) filter (where period = to_char(now() at time zone 'UTC', 'YYYY-MM')) as month_picos,
    sum(cost_picos) as year_picos
  from public.entity_spend
  where left(period, 4) = to_char(now() at time zone 'UTC', 'YYYY')
  group by entity
), caps as (
  select
    e.name as entity, null::text as project, 'monthly' as cap,
    case when e.monthly_cap_own then e.monthly_cap_picos else p.monthly_cap_picos end as cap_picos,
    coalesce(s.month_picos, 0) as spent_picos
  from public.entities e join public.plans p on p.name = e.plan left join spent s on s.entity = e.name
  union all
  select
    e.name, null, 'yearly',
    case when e.yearly_cap_own then e.yearly_cap_picos else p.yearly_cap_picos end,
    coalesce(s.year_picos, 0)
  from public.entities e join public.plans p on p.name = e.plan left join spent s on s.entity = e.name
  union all
  select r.entity, r.name, 'monthly', r.monthly_cap_picos, coalesce(s.cost_picos, 0)
  from public.projects r
  left join public.project_spend s
    on s.entity = r.entity and s.project = r.name and s.period = to_char(now() at time zone 'UTC', 'YYYY-MM')
)
select
  entity, project, cap, reporting.usd(cap_picos) as cap_usd, reporting.usd(spent_picos) as spent_usd,
  round(spent_picos / nullif(cap_picos, 0), 4) as used_ratio
from caps
where cap_picos is not null;
comment on view reporting.caps is 'Every cap in force and how far the current month or year has used it.';
comment on column reporting.caps.project is 'Null where the cap is the entity''s own.';
comment on column reporting.caps.cap is 'monthly or yearly: the calendar month or year, in UTC.';
comment on column reporting.caps.used_ratio is '1 is all of it; null where the cap is 0.';

create view reporting.focus as
select
  entity as "BillingAccountId", project as "SubAccountId", to_date(period, 'YYYY-MM') as "BillingPeriodStart",
  (hour at time zone 'UTC')::date as "ChargePeriodStart", 'Usage' as "ChargeCategory",
  case when period <> to_char(hour at time zone 'UTC', 'YYYY-MM') then 'Correction' end as "ChargeClass",
  model as "x_Model",
  sum(input_tokens + cached_input_tokens + output_tokens) as "ConsumedQuantity",
  reporting.usd(sum(cost_picos - paid_burnt_picos)) as "BilledCost",
  reporting.usd(sum(cost_picos)) as "EffectiveCost",
  'USD' as "BillingCurrency"
from public.usage_hourly
group by entity, project, period, (hour at time zone 'UTC')::date, "ChargeClass", model
union all
select
  entity, project, to_date(period, 'YYYY-MM'), (hour at time zone 'UTC')::date, 'Credit',
  case when period <> to_char(hour at time zone 'UTC', 'YYYY-MM') then 'Correction' end,
  model, null, reporting.usd(-sum(promotional_burnt_picos)), reporting.usd(-sum(promotional_burnt_picos)), 'USD'
from public.usage_hourly
where promotional_burnt_picos <> 0
group by entity, project, period, (hour at time zone 'UTC')::date, 6, model
union all
select
  l.entity, null, to_date(l.period, 'YYYY-MM'), (l.booked_at at time zone 'UTC')::date,
  case l.kind when 'purchase' then 'Purchase' else 'Adjustment' end, null, null, null,
  case l.kind when 'purchase' then reporting.usd(l.amount_picos) else 0 end,
  case l.kind when 'purchase' then 0 else reporting.usd(l.amount_picos) end,
  'USD'
from public.ledger_entries l
join public.credit_grants g on g.id = l.grant_id
where l.kind in ('purchase', 'expiry', 'void') and g.category = 'paid';
comment on view reporting.focus is 'The sums of the FOCUS export by day and model, without its token classes and unit prices; the export itself is /v1/exports/focus.csv.';

create view reporting.intake_problems as
select (last_seen_at at time zone 'UTC')::date as day, 'dead letter' as problem, code, status, entity, count(*) as events
from public.dead_letters
group by day, code, status, entity
union all
select (last_seen_at at time zone 'UTC')::date, 'conflict', 'other_content', 'open', entity, count(*)
from public.usage_conflicts
group by 1, entity;
comment on view reporting.intake_problems is 'Events that were not counted, by day: dead letters and contents that came under an identity counted before.';

-- The role that reads them. Roles belong to the whole cluster, so it may be there already; and whoever migrates may not be
-- allowed to make it: then the views are there all the same, and grafana/README.md says how to make it by hand. It has no
-- password, so nobody logs in with it before an administrator has given it one.

do $$
begin
  if not exists (select from pg_roles where rolname = 'tally_reader') then
    create role tally_reader login connection limit 20;
    comment on role tally_reader is 'Reads the schema reporting of Tally databases, and nothing else.';
    alter role tally_reader set default_transaction_read_only = on;
    alter role tally_reader set statement_timeout = '15s';
    alter role tally_reader set idle_in_transaction_session_timeout = '60s';
    alter role tally_reader set search_path = reporting;
  end if;
exception
  -- Another database of the cluster is migrated at this moment, or this user may make no roles.
  when duplicate_object or unique_violation or insufficient_privilege then
    raise notice 'tally_reader was not made here: %', sqlerrm;
end
$$;

do $$
begin
  if exists (select from pg_roles where rolname = 'tally_reader') then
    grant usage on schema reporting to tally_reader;
    grant select on all tables in schema reporting to tally_reader;
  end if;
end
$$;
