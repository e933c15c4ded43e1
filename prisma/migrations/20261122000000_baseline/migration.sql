-- The tables, views and functions of Tally. schema.prisma describes the tables; what it cannot express (checks, triggers, partitions,
-- partial indexes, views) stands only here. Amounts are NUMERIC(38,0) picodollars.

-- Append only: for tables whose rows are never changed.

create function refuse_change() returns trigger language plpgsql as $$
begin
  raise exception '% is append only: write a correcting entry instead', tg_table_name using errcode = 'restrict_violation';
end
$$;

-- Accounts: who pays, for what, and how much they may spend.

create table plans (
  name text not null,
  monthly_cap_picos numeric(38, 0),
  yearly_cap_picos numeric(38, 0),
  overage text not null,
  max_concurrent_requests integer,
  monthly_credit_picos numeric(38, 0) not null default 0,
  version bigint not null default 0,
  constraint plans_pkey primary key (name),
  constraint plans_monthly_cap_is_not_negative check (monthly_cap_picos >= 0),
  constraint plans_yearly_cap_is_not_negative check (yearly_cap_picos >= 0),
  constraint plans_overage_is_known check (overage in ('blocked', 'allowed')),
  constraint plans_max_concurrent_is_not_negative check (max_concurrent_requests >= 0),
  constraint plans_monthly_credit_is_not_negative check (monthly_credit_picos >= 0)
);

-- Tables whose rows are updated often leave room in each page and have no index on a column that changes, so that an update stays in its
-- page and writes no index entry (HOT).

create table entities (
  name text not null,
  plan text not null,
  -- Whether the entity's limits decide, are only observed, or are not consulted.
  quota_mode text not null default 'enforce',
  monthly_cap_own boolean not null default false,
  monthly_cap_picos numeric(38, 0),
  yearly_cap_own boolean not null default false,
  yearly_cap_picos numeric(38, 0),
  overage text,
  max_concurrent_own boolean not null default false,
  max_concurrent_requests integer,
  version bigint not null default 0,
  created_at timestamptz(3) not null,
  -- What the customer has set for itself, beside the cap of its plan or an admin. The lower one decides.
  spend_limit_picos numeric(38, 0),
  constraint entities_pkey primary key (name),
  constraint entities_are_on_a_plan foreign key (plan) references plans (name),
  constraint entities_quota_mode_is_known check (quota_mode in ('off', 'shadow', 'enforce')),
  constraint entities_monthly_cap_is_not_negative check (monthly_cap_picos >= 0),
  constraint entities_yearly_cap_is_not_negative check (yearly_cap_picos >= 0),
  constraint entities_overage_is_known check (overage in ('blocked', 'allowed')),
  constraint entities_max_concurrent_is_not_negative check (max_concurrent_requests >= 0),
  constraint entities_spend_limit_is_not_negative check (spend_limit_picos >= 0)
) with (fillfactor = 80);
create index entities_plan_idx on entities (plan);

create table projects (
  entity text not null,
  name text not null,
  monthly_cap_picos numeric(38, 0),
  max_concurrent_requests integer,
  created_at timestamptz(3) not null,
  spend_limit_picos numeric(38, 0),
  constraint projects_pkey primary key (entity, name),
  constraint projects_belong_to_an_entity foreign key (entity) references entities (name),
  constraint projects_monthly_cap_is_not_negative check (monthly_cap_picos >= 0),
  constraint projects_max_concurrent_is_not_negative check (max_concurrent_requests >= 0),
  constraint projects_spend_limit_is_not_negative check (spend_limit_picos >= 0)
);
create index projects_limited_idx on projects (entity)
  where monthly_cap_picos is not null or max_concurrent_requests is not null or spend_limit_picos is not null;

create table entity_spend (
  entity text not null,
  period text not null,
  cost_picos numeric(38, 0) not null,
  burnt_picos numeric(38, 0) not null,
  overage_picos numeric(38, 0) not null,
  constraint entity_spend_pkey primary key (entity, period),
  constraint entity_spend_cost_is_burnt_or_overage check (cost_picos = burnt_picos + overage_picos)
) with (fillfactor = 80);

create table project_spend (
  entity text not null,
  period text not null,
  project text not null,
  cost_picos numeric(38, 0) not null,
  constraint project_spend_pkey primary key (entity, period, project)
) with (fillfactor = 80);

-- Quantities of meters that few requests have: {"cache_write": "4012"}, picodollars and counts as text because a sum may exceed what a
-- double holds. Null where there are none. The usual meters have columns; `output_tokens` there holds the reasoning as well.

create function add_quantities(a jsonb, b jsonb) returns jsonb
  language sql immutable strict parallel safe
  return (
    select coalesce(jsonb_object_agg(key, total::text), '{}')
    from (
      select key, sum(value::numeric) as total
      from (select * from jsonb_each_text(a) union all select * from jsonb_each_text(b)) q
      group by key
    ) sums
    where total <> 0
  );
create function negate_quantities(a jsonb) returns jsonb
  language sql immutable strict parallel safe
  return (select coalesce(jsonb_object_agg(key, (-value::numeric)::text), '{}') from jsonb_each_text(a));
create function other_total(a jsonb) returns numeric
  language sql immutable parallel safe
  return case when a is null then 0 else (select coalesce(sum(value::numeric), 0) from jsonb_each_text(a)) end;
-- Skips nulls without a call.
create aggregate sum_quantities(jsonb) (sfunc = add_quantities, stype = jsonb, combinefunc = add_quantities, parallel = safe);

-- The same quantities as one object, {"input": 5, "output": 2}, without those that are zero.
create function quantities_of(
  input_tokens bigint, cached_input_tokens bigint, output_tokens bigint, reasoning_tokens bigint, other_quantities jsonb
) returns jsonb
  language sql immutable parallel safe
  return (
    select coalesce(jsonb_object_agg(meter, quantity), '{}')
    from (
      values ('input', input_tokens), ('cached_input', cached_input_tokens), ('output', output_tokens - reasoning_tokens),
        ('reasoning', reasoning_tokens)
      union all
      select key, value::bigint from jsonb_each_text(coalesce(other_quantities, '{}'))
    ) q (meter, quantity)
    where quantity <> 0
  );

-- Prices: versions that never change. A version without an entity is the list price; two of them count as equal.

create table prices (
  id bigserial not null,
  model text not null,
  entity text,
  effective_from timestamptz(3) not null,
  -- The prices and variants as they were given, in US dollars.
  terms jsonb not null,
  -- Which meters it can charge, so that a search finds what waits for it.
  meters text[],
  -- Usage since then whose meters no version priced before is charged by this one; null where it reaches back to nothing.
  first_for_meters_from timestamptz(3),
  max_input_tokens integer not null,
  max_output_tokens integer not null,
  source text not null,
  created_at timestamptz(3) not null,
  constraint prices_pkey primary key (id),
  constraint prices_begin_once unique nulls not distinct (model, entity, effective_from),
  -- Prisma does not declare lists as "not null".
  constraint prices_name_their_meters check (meters is not null),
  constraint prices_max_input_is_positive check (max_input_tokens > 0),
  constraint prices_max_output_is_not_negative check (max_output_tokens >= 0)
);
create trigger prices_append_only before update or delete on prices for each row execute function refuse_change();

-- Rates: what versions resolve to, each kept once. Picodollars for one of each meter, those that fall back on others included.

create table rates (
  id bigserial not null,
  price_id bigint not null,
  unit_prices jsonb not null,
  constraint rates_pkey primary key (id),
  constraint rates_are_of_a_price foreign key (price_id) references prices (id),
  constraint rates_are_kept_once unique (price_id, unit_prices)
);
create trigger rates_append_only before update or delete on rates for each row execute function refuse_change();

-- quantity × unit price, of all meters. Usage that waits for a price costs nothing.
create function cost_at(
  unit_prices jsonb, requests numeric, input_tokens numeric, cached_input_tokens numeric, output_tokens numeric,
  reasoning_tokens numeric, other_quantities jsonb
) returns numeric
  language sql immutable parallel safe
  return
    coalesce((unit_prices ->> 'request')::numeric * requests, 0)
    + coalesce((unit_prices ->> 'input')::numeric * input_tokens, 0)
    + coalesce((unit_prices ->> 'cached_input')::numeric * cached_input_tokens, 0)
    + coalesce((unit_prices ->> 'output')::numeric * (output_tokens - reasoning_tokens), 0)
    + coalesce((unit_prices ->> 'reasoning')::numeric * reasoning_tokens, 0)
    + case when other_quantities is null then 0 else (
        select coalesce(sum((unit_prices ->> key)::numeric * value::numeric), 0) from jsonb_each_text(other_quantities)
      ) end;

-- Metering: identities decide whether an event is new. The first 16 bits of an identity are the bucket of its entity, so that an entity
-- lies in one range of them, and a range in one partition.

create table usage_identities (
  identity uuid primary key,
  occurred_at timestamptz(3) not null
) partition by range (identity);
create table usage_identities_0 partition of usage_identities
  for values from (minvalue) to ('20000000-0000-0000-0000-000000000000');
create table usage_identities_1 partition of usage_identities
  for values from ('20000000-0000-0000-0000-000000000000') to ('40000000-0000-0000-0000-000000000000');
create table usage_identities_2 partition of usage_identities
  for values from ('40000000-0000-0000-0000-000000000000') to ('60000000-0000-0000-0000-000000000000');
create table usage_identities_3 partition of usage_identities
  for values from ('60000000-0000-0000-0000-000000000000') to ('80000000-0000-0000-0000-000000000000');
create table usage_identities_4 partition of usage_identities
  for values from ('80000000-0000-0000-0000-000000000000') to ('a0000000-0000-0000-0000-000000000000');
create table usage_identities_5 partition of usage_identities
  for values from ('a0000000-0000-0000-0000-000000000000') to ('c0000000-0000-0000-0000-000000000000');
create table usage_identities_6 partition of usage_identities
  for values from ('c0000000-0000-0000-0000-000000000000') to ('e0000000-0000-0000-0000-000000000000');
create table usage_identities_7 partition of usage_identities
  for values from ('e0000000-0000-0000-0000-000000000000') to (maxvalue);

-- Dictionaries: what many events of an entity share, written once. An event and a roll-up have its number.

-- What was used.
create table usage_series (
  entity text not null,
  id integer generated always as identity,
  project text not null,
  model text not null,
  operation text not null,
  service_tier text not null,
  primary key (entity, id),
  constraint usage_series_is_written_once unique (entity, project, model, operation, service_tier)
);

-- Who reported it, and whose key was used.
create table usage_origins (
  entity text not null,
  id integer generated always as identity,
  source text not null,
  api_key_id text,
  usage_source text not null
    constraint usage_origins_usage_source_is_known check (usage_source in ('reported', 'estimated')),
  primary key (entity, id),
  constraint usage_origins_is_written_once unique nulls not distinct (entity, source, api_key_id, usage_source)
);

-- Rated events, partitioned by the month of occurrence. Upkeep makes the months ahead. rated_events shows them in words.

create table usage_events (
  entity text not null,
  occurred_at timestamptz(3) not null,
  identity uuid not null,
  booked_at timestamptz(3) not null,
  -- When usage that came before its price was charged. Its burns are in that hour; all other usage is charged when it is booked.
  charged_at timestamptz(3),
  series_id integer not null,
  origin_id integer not null,
  rate_id integer not null,
  -- One meter each: the output is without the reasoning. A count is at most 2^31 - 1.
  input_tokens integer not null constraint usage_events_input_is_a_count check (input_tokens >= 0),
  cached_input_tokens integer not null constraint usage_events_cached_input_is_a_count check (cached_input_tokens >= 0),
  output_tokens integer not null constraint usage_events_output_is_a_count check (output_tokens >= 0),
  reasoning_tokens integer not null constraint usage_events_reasoning_is_a_count check (reasoning_tokens >= 0),
  -- The grant that paid what was burnt, by its number; null where none did, or several.
  lot integer,
  period text not null,
  id text not null,
  cost_picos numeric(38, 0) not null constraint usage_events_cost_is_not_negative check (cost_picos >= 0),
  burnt_picos numeric(38, 0) not null,
  -- Grant id to picodollars as text, where several grants paid.
  burns jsonb,
  other_quantities jsonb,
  -- Null where every meter with a quantity is charged.
  unpriced_meters text[],
  reservation_id text,
  user_id text,
  request_id text,
  tags jsonb,
  -- What few events have: region, attributes, the fields that no shape of usage knows (`unread`), and the usage that has them.
  details jsonb,
  primary key (entity, occurred_at, identity),
  constraint usage_events_grants_pay_at_most_the_cost check (burnt_picos between 0 and cost_picos),
  constraint usage_events_without_a_rate_cost_nothing check (rate_id <> 0 or cost_picos = 0)
) partition by range (occurred_at);
-- Events are booked roughly in the order in which they occur, so a summary per range of pages finds those of a few minutes.
create index usage_events_occurred_at_idx on usage_events using brin (occurred_at) with (pages_per_range = 32, autosummarize = on);
-- By what was not read, which is as long as a sender likes, so by its hash.
create index usage_events_unread_sets_idx on usage_events (entity, md5(details ->> 'unread'), occurred_at) where details ? 'unread';
create index usage_events_unpriced_idx on usage_events (entity, series_id, occurred_at) where unpriced_meters is not null;
create index usage_events_unread_idx on usage_events (occurred_at) where details -> 'unread' is not null;
-- The grace is 72 hours, so everything that was charged to a later period than its own is in this index.
create index usage_events_late_idx on usage_events (entity, period)
  where coalesce(charged_at, booked_at) - occurred_at > interval '72 hours';

-- Makes the months from one time to another that are missing, and returns how many. Attaching a table takes a lock of the parent that
-- neither readers nor writers block, where creating a partition in place waits for every reader and has everybody else wait behind it.
-- It has the rights of the owner of the tables, for the service cannot make any.
create function ensure_usage_months(first timestamptz, last timestamptz) returns integer language plpgsql
  security definer as $$
declare
  starts timestamp := date_trunc('month', first at time zone 'UTC');
  month text;
  made integer := 0;
begin
  -- Two processes may make the same months at the same time.
  perform pg_advisory_xact_lock(hashtext('ensure_usage_months'));
  while starts <= last at time zone 'UTC' loop
    month := 'usage_events_' || to_char(starts, 'YYYY_MM');
    if to_regclass(month) is null then
      execute format('create table %I (like usage_events including all)', month);
      execute format(
        'alter table usage_events attach partition %I for values from (%L) to (%L)',
        month,
        starts at time zone 'UTC',
        (starts + interval '1 month') at time zone 'UTC'
      );
      made := made + 1;
    end if;
    starts := starts + interval '1 month';
  end loop;
  return made;
end
$$;
revoke execute on function ensure_usage_months from public;

-- Removes persons from events that occurred in [p_from, p_to), and returns from how many: the user, the request, the tags and the raw usage. Of the user
-- p_user, whose name may also stand in a tag or in the raw usage; or of those whose tag p_tag has the value p_value; or, where neither is
-- given, of everybody. The service may change nothing of this by itself: it can only have it removed. An event of one person is marked, so
-- that its repetition, which still names that person, is a duplicate and no conflict.
create function erase_persons(
  p_entity text, p_from timestamptz, p_to timestamptz, p_user text, p_tag text, p_value text
) returns integer language plpgsql security definer as $$
declare
  erased integer;
begin
  if p_user is null and p_tag is null then
    update usage_events set user_id = null, request_id = null, tags = null, details = nullif(details - 'usage', '{}')
    where entity = p_entity and occurred_at >= p_from and occurred_at < p_to
      and (user_id is not null or request_id is not null or tags is not null or details ? 'usage');
  else
    update usage_events set
      user_id = null, request_id = null, tags = null, details = (coalesce(details, '{}') - 'usage') || '{"erased": true}'
    where entity = p_entity and occurred_at >= p_from and occurred_at < p_to
      and (
        user_id = p_user or request_id = p_user or tags ->> p_tag = p_value
        or (p_user is not null and exists (select from jsonb_each_text(tags) t where t.value = p_user))
        or position(to_jsonb(p_user)::text in (details -> 'usage')::text) > 0
      );
  end if;
  get diagnostics erased = row_count;
  return erased;
end
$$;
revoke execute on function erase_persons from public;

-- Roll-ups by hour: sums of the events, kept in the events' own transaction. By the rate, so that quantity × unit price = cost in every
-- row. hourly_usage shows them in words.

create table usage_hourly (
  entity text not null,
  hour timestamptz(3) not null,
  series_id integer not null,
  rate_id integer not null,
  period text not null,
  requests bigint not null,
  input_tokens bigint not null,
  cached_input_tokens bigint not null,
  -- With the reasoning.
  output_tokens bigint not null,
  reasoning_tokens bigint not null,
  other_quantities jsonb,
  cost_picos numeric(38, 0) not null,
  paid_burnt_picos numeric(38, 0) not null default 0,
  promotional_burnt_picos numeric(38, 0) not null default 0,
  primary key (entity, hour, series_id, period, rate_id)
) with (fillfactor = 70);
-- Exports read a period of all entities. Rows of a period lie together because they were written together, so a summary per range of
-- pages is enough, and costs next to nothing to maintain.
create index usage_hourly_period_idx on usage_hourly using brin (period) with (pages_per_range = 16, autosummarize = on);

create view hourly_usage as
select
  u.entity, u.hour, s.project, s.model, s.operation, s.service_tier, u.period, u.rate_id::bigint as rate_id,
  u.requests, u.input_tokens, u.cached_input_tokens, u.output_tokens, u.reasoning_tokens, u.other_quantities,
  u.cost_picos, u.paid_burnt_picos, u.promotional_burnt_picos
from usage_hourly u
join usage_series s on s.entity = u.entity and s.id = u.series_id;
comment on view hourly_usage is 'Roll-ups by hour, in words.';

-- What could not be counted.

create table dead_letters (
  -- Empty where the event names none that can be read.
  entity text not null default '',
  -- It ends with the entity, so that it is found by its key.
  id text not null,
  code text not null,
  message text not null,
  payload text not null,
  job_id text,
  project text,
  source text,
  event_id text,
  status text not null,
  seen_count bigint not null default 1,
  first_seen_at timestamptz(3) not null,
  last_seen_at timestamptz(3) not null,
  constraint dead_letters_pkey primary key (entity, id),
  constraint dead_letters_status_is_known check (status in ('open', 'replayed', 'discarded'))
);
create index dead_letters_status_last_seen_at_idx on dead_letters (status, last_seen_at);
create index dead_letters_entity_last_seen_at_idx on dead_letters (entity, last_seen_at);

create table usage_conflicts (
  entity text not null,
  identity uuid not null,
  other_fingerprint uuid not null,
  source text not null,
  event_id text not null,
  other_content jsonb not null,
  original_occurred_at timestamptz(3) not null,
  seen_count bigint not null default 1,
  first_seen_at timestamptz(3) not null,
  last_seen_at timestamptz(3) not null,
  -- Set when an operator has reviewed the conflict; without it the conflict is open.
  reviewed_at timestamptz(3),
  reviewed_by text,
  review_note text,
  -- The id of the event under which its content was counted after all.
  counted_as text,
  constraint usage_conflicts_pkey primary key (entity, identity, other_fingerprint),
  constraint usage_conflicts_review_has_a_reviewer check ((reviewed_at is null) = (reviewed_by is null)),
  constraint usage_conflicts_note_is_of_a_review check (reviewed_at is not null or review_note is null)
);
create index usage_conflicts_entity_last_seen_at_idx on usage_conflicts (entity, last_seen_at);
create index usage_conflicts_open_idx on usage_conflicts (last_seen_at) where reviewed_at is null;

-- Credits: grants, what burns them, and the ledger.

create table credit_grants (
  entity text not null,
  id text not null,
  -- The grant's number within its entity: 1, 2, 3 and so on, given under the entity's lock.
  lot integer not null,
  category text not null,
  priority smallint not null,
  amount_picos numeric(38, 0) not null,
  remaining_picos numeric(38, 0) not null,
  burnt_picos numeric(38, 0) not null default 0,
  voided_picos numeric(38, 0) not null default 0,
  expired_picos numeric(38, 0) not null default 0,
  -- What paid a debt.
  repaid_picos numeric(38, 0) not null default 0,
  -- Whether anything is left. Indexes name this column and never an amount, so that a burn updates the row in place (HOT).
  is_open boolean not null generated always as (remaining_picos > 0) stored,
  effective_at timestamptz(3) not null,
  expires_at timestamptz(3),
  allowance_period text,
  reference text,
  note text,
  created_at timestamptz(3) not null,
  -- What returns to a voided grant is void as well, even if nothing was left of the grant when it was voided.
  voided_at timestamptz(3),
  -- Since when the grant is frozen: nobody can spend what is left of it, and it is not written off. Null where it is not.
  frozen_at timestamptz(3),
  constraint credit_grants_pkey primary key (entity, id),
  constraint credit_grants_belongs_to_an_entity foreign key (entity) references entities (name),
  constraint credit_grants_lot_is_of_one_grant unique (entity, lot),
  constraint credit_grants_one_allowance_a_period unique (entity, allowance_period),
  constraint credit_grants_lot_counts_from_one check (lot > 0),
  constraint credit_grants_category_is_known check (category in ('paid', 'promotional')),
  constraint credit_grants_priority_is_up_to_100 check (priority between 0 and 100),
  constraint credit_grants_amount_is_positive check (amount_picos > 0),
  constraint credit_grants_no_part_is_negative check (
    remaining_picos >= 0 and burnt_picos >= 0 and voided_picos >= 0 and expired_picos >= 0 and repaid_picos >= 0
  ),
  constraint credit_grants_amount_is_accounted_for check (
    amount_picos = remaining_picos + burnt_picos + voided_picos + expired_picos + repaid_picos
  ),
  constraint credit_grants_expires_after_it_begins check (expires_at > effective_at)
) with (fillfactor = 70);
create index credit_grants_open_idx on credit_grants (entity) where is_open;
create unique index credit_grants_reference_is_of_one_grant on credit_grants (entity, reference) where reference is not null;

-- What customers owe: the part of a purchase that was taken back after usage had burnt it. The next credits pay it. The id is that of the
-- ledger entry that made it; what is paid, and who pays, is in the ledger too.
create table debts (
  entity text not null,
  id bigint not null,
  grant_id text not null,
  amount_picos numeric(38, 0) not null,
  paid_picos numeric(38, 0) not null default 0,
  is_open boolean not null generated always as (paid_picos < amount_picos) stored,
  constraint debts_pkey primary key (entity, id),
  constraint debts_are_of_a_grant_of_the_entity foreign key (entity, grant_id) references credit_grants (entity, id),
  constraint debts_amount_is_positive check (amount_picos > 0),
  constraint debts_are_paid_up_to_their_amount check (paid_picos between 0 and amount_picos)
);
create index debts_grant_idx on debts (entity, grant_id);
create index debts_open_idx on debts (entity) where is_open;

create table burns (
  entity text not null,
  id bigserial not null,
  booked_hour timestamptz(3) not null,
  period text not null,
  -- Null is overage.
  grant_id text,
  amount_picos numeric(38, 0) not null,
  posted boolean not null default false,
  constraint burns_pkey primary key (entity, id),
  constraint burns_are_summed_by_hour unique nulls not distinct (entity, booked_hour, period, grant_id),
  constraint burns_are_of_a_grant_of_the_entity foreign key (entity, grant_id) references credit_grants (entity, id),
  constraint burns_amount_is_positive check (amount_picos > 0)
) with (fillfactor = 80);
create index burns_open_idx on burns (entity, booked_hour) where not posted;

-- What corrections gave back in an hour of booking, posted to the ledger when the hour has ended. It names the burn that it corrects by
-- that burn's hour and period, because the ledger has that entry by then.

create table burn_reversals (
  entity text not null,
  id bigserial not null,
  booked_hour timestamptz(3) not null,
  period text not null,
  grant_id text,
  corrected_hour timestamptz(3) not null,
  corrected_period text not null,
  amount_picos numeric(38, 0) not null,
  posted boolean not null default false,
  constraint burn_reversals_pkey primary key (entity, id),
  constraint burn_reversals_are_summed_by_hour
    unique nulls not distinct (entity, booked_hour, period, grant_id, corrected_hour, corrected_period),
  constraint burn_reversals_are_of_a_grant_of_the_entity foreign key (entity, grant_id) references credit_grants (entity, id),
  constraint burn_reversals_amount_is_positive check (amount_picos > 0),
  constraint burn_reversals_correct_no_later_hour check (corrected_hour <= booked_hour)
) with (fillfactor = 80);
create index burn_reversals_open_idx on burn_reversals (entity, booked_hour) where not posted;

-- Double entry: every row moves one amount, so the books sum to zero.

create table ledger_entries (
  entity text not null,
  id bigserial not null,
  kind text not null,
  debit_account text not null,
  credit_account text not null,
  amount_picos numeric(38, 0) not null,
  grant_id text,
  period text not null,
  booked_hour timestamptz(3),
  corrects bigint,
  reference text,
  booked_at timestamptz(3) not null,
  hash bytea not null,
  constraint ledger_entries_pkey primary key (entity, id),
  constraint ledger_entries_are_of_a_grant_of_the_entity foreign key (entity, grant_id) references credit_grants (entity, id),
  constraint ledger_entries_correct_an_entry_of_the_entity foreign key (entity, corrects) references ledger_entries (entity, id),
  constraint ledger_entries_move_between_two_accounts check (credit_account <> debit_account),
  constraint ledger_entries_amount_is_positive check (amount_picos > 0)
);
create index ledger_entries_entity_period_idx on ledger_entries (entity, period);
create unique index ledger_entries_posted_once_idx
  on ledger_entries (entity, booked_hour, period, grant_id, corrects) nulls not distinct
  where booked_hour is not null;
create trigger ledger_entries_append_only before update or delete on ledger_entries
  for each row execute function refuse_change();
create trigger ledger_entries_no_truncate before truncate on ledger_entries
  for each statement execute function refuse_change();

-- Corrections: an event's row stays as it was first rated; a correction says what it costs from then on.

create table usage_corrections (
  entity text not null,
  id bigserial not null,
  kind text not null,
  identity uuid not null,
  occurred_at timestamptz(3) not null,
  project text not null,
  model text not null,
  -- The period in which the correction is booked, and the period that was charged for the event.
  period text not null,
  corrected_period text not null,
  -- What the correction adds to the counts: the negated event if it voids, otherwise zero.
  requests bigint not null,
  input_tokens bigint not null,
  cached_input_tokens bigint not null,
  output_tokens bigint not null,
  reasoning_tokens bigint not null,
  other_quantities jsonb,
  old_rate_id bigint not null,
  new_rate_id bigint,
  old_cost_picos numeric(38, 0) not null,
  new_cost_picos numeric(38, 0) not null,
  old_burnt_picos numeric(38, 0) not null,
  new_burnt_picos numeric(38, 0) not null,
  old_burns jsonb,
  new_burns jsonb,
  -- What moved, by grant (null: overage), hour and period of booking. Positive is burnt, negative is given back.
  movements jsonb not null,
  reason text not null,
  actor text not null,
  booked_at timestamptz(3) not null,
  constraint usage_corrections_pkey primary key (entity, id),
  constraint usage_corrections_kind_is_known check (kind in ('void', 'rerate')),
  constraint usage_corrections_void_takes_all_and_rerate_counts_nothing check (
    (kind = 'void' and requests = -1 and new_rate_id is null and new_cost_picos = 0)
    or (kind = 'rerate' and requests = 0 and new_rate_id is not null)
  ),
  constraint usage_corrections_costs_are_not_negative check (old_cost_picos >= 0 and new_cost_picos >= 0),
  constraint usage_corrections_old_burnt_is_part_of_cost check (old_burnt_picos between 0 and old_cost_picos),
  constraint usage_corrections_new_burnt_is_part_of_cost check (new_burnt_picos between 0 and new_cost_picos)
);
create unique index usage_corrections_void_once_idx on usage_corrections (entity, identity) where kind = 'void';
-- The corrections of an event, and those of a stretch of time.
create index usage_corrections_id_idx on usage_corrections (id);
create index usage_corrections_event_idx on usage_corrections (entity, occurred_at, identity, id);
create index usage_corrections_entity_period_idx on usage_corrections (entity, period);
create trigger usage_corrections_append_only before update or delete on usage_corrections
  for each row execute function refuse_change();
create trigger usage_corrections_no_truncate before truncate on usage_corrections
  for each statement execute function refuse_change();

-- Periods: closed ones with their frozen totals. Statement numbers have no gaps, so they come from a row and not from a sequence.

-- A cell of entities in a schema of its own has a series of its own, told apart by its prefix.
create table statement_series (
  name text not null,
  prefix text not null,
  last_number bigint not null,
  constraint statement_series_pkey primary key (name)
);
insert into statement_series (name, prefix, last_number) values ('statement', 'ST-', 0);

create table closed_periods (
  entity text not null,
  period text not null,
  number text not null,
  closed_at timestamptz(3) not null,
  opening_picos numeric(38, 0) not null,
  purchased_picos numeric(38, 0) not null,
  promoted_picos numeric(38, 0) not null,
  burnt_picos numeric(38, 0) not null,
  burn_reversed_picos numeric(38, 0) not null,
  expired_picos numeric(38, 0) not null,
  voided_picos numeric(38, 0) not null,
  closing_picos numeric(38, 0) not null,
  cost_picos numeric(38, 0) not null,
  overage_picos numeric(38, 0) not null,
  overage_reversed_picos numeric(38, 0) not null,
  refunded_picos numeric(38, 0) not null default 0,
  -- What paid debts.
  repaid_picos numeric(38, 0) not null default 0,
  constraint closed_periods_pkey primary key (entity, period),
  constraint closed_periods_are_of_an_entity foreign key (entity) references entities (name),
  constraint closed_periods_number_is_given_once unique (number),
  constraint closed_periods_credits_add_up check (
    closing_picos = opening_picos + purchased_picos + promoted_picos - burnt_picos + burn_reversed_picos
      - expired_picos - voided_picos - refunded_picos - repaid_picos
  ),
  constraint closed_periods_cost_is_paid_or_overage check (
    cost_picos = burnt_picos - burn_reversed_picos + overage_picos - overage_reversed_picos
  )
);
create trigger closed_periods_append_only before update or delete on closed_periods
  for each row execute function refuse_change();
create trigger closed_periods_no_truncate before truncate on closed_periods
  for each statement execute function refuse_change();

-- Roll-ups by day: a cache that is built after the day from its hours and events. A day that is not rolled up is read from these.

-- Every day on which an entity has usage.
create table usage_days (
  entity text not null,
  day timestamptz(3) not null,
  rolled_up boolean not null default false,
  -- Set by the build of the day's roll-ups, and removed by a transaction that counts usage on the day meanwhile.
  build uuid,
  -- Whether the day's events and roll-ups name nobody any more, because personal data is not kept for longer.
  without_persons boolean not null default false,
  constraint usage_days_pkey primary key (entity, day)
) with (fillfactor = 80);
create index usage_days_due_idx on usage_days (day) where not rolled_up;
create index usage_days_with_persons_idx on usage_days (day, entity) where not without_persons;

create table usage_daily (
  entity text not null,
  day timestamptz(3) not null,
  project text not null,
  model text not null,
  operation text not null,
  service_tier text not null,
  period text not null,
  rate_id bigint not null,
  requests bigint not null,
  input_tokens bigint not null,
  cached_input_tokens bigint not null,
  output_tokens bigint not null,
  reasoning_tokens bigint not null,
  other_quantities jsonb,
  cost_picos numeric(38, 0) not null,
  paid_burnt_picos numeric(38, 0) not null,
  promotional_burnt_picos numeric(38, 0) not null,
  primary key (entity, day, project, model, operation, service_tier, period, rate_id)
);
create index usage_daily_entity_period_idx on usage_daily (entity, period);

-- By caller, which hours do not know: one row per API key, with the key's users in arrays beside it. So sums by key read few rows, and
-- sums by user no more than they need. Key and user may be missing, so the position within the day is the key of the row.
create table usage_daily_callers (
  entity text not null,
  day timestamptz(3) not null,
  place integer not null,
  project text not null,
  model text not null,
  operation text not null,
  service_tier text not null,
  rate_id bigint not null,
  api_key_id text,
  requests bigint not null,
  input_tokens bigint not null,
  cached_input_tokens bigint not null,
  output_tokens bigint not null,
  reasoning_tokens bigint not null,
  other_quantities jsonb,
  -- Prisma does not declare lists as "not null".
  user_ids text[] check (user_ids is not null),
  user_requests bigint[] check (cardinality(user_requests) = cardinality(user_ids)),
  user_input_tokens bigint[] check (cardinality(user_input_tokens) = cardinality(user_ids)),
  user_cached_input_tokens bigint[] check (cardinality(user_cached_input_tokens) = cardinality(user_ids)),
  user_output_tokens bigint[] check (cardinality(user_output_tokens) = cardinality(user_ids)),
  -- Null where no user of the key has any.
  user_other_quantities jsonb[] check (cardinality(user_other_quantities) = cardinality(user_ids)),
  primary key (entity, day, place)
);

-- What was counted and what was burnt, corrections included. Reports, statements, daily roll-ups and the checks of the books read these
-- views, so the meaning of a correction is written once.

create view rated_events as
select
  e.entity, e.occurred_at, e.identity, o.source, e.id, s.project, s.model, s.operation, e.booked_at, e.charged_at, e.period,
  e.input_tokens::bigint as input_tokens, e.cached_input_tokens::bigint as cached_input_tokens,
  e.output_tokens::bigint + e.reasoning_tokens as output_tokens, e.reasoning_tokens::bigint as reasoning_tokens,
  e.other_quantities, s.service_tier, e.unpriced_meters, e.rate_id::bigint as rate_id, e.cost_picos, e.burnt_picos,
  coalesce(e.burns, case when e.lot is not null then jsonb_build_object(g.id, e.burnt_picos::text) end) as burns,
  o.usage_source, e.reservation_id, o.api_key_id, e.user_id, e.request_id, e.tags, e.details
from usage_events e
left join usage_series s on s.entity = e.entity and s.id = e.series_id
left join usage_origins o on o.entity = e.entity and o.id = e.origin_id
left join credit_grants g on g.entity = e.entity and g.lot = e.lot;
comment on view rated_events is
  'Events as they were rated, in words: grant id to picodollars in burns, and the output with the reasoning. Left joins, so that what a query does not ask for is not looked up.';

-- What an event says, as conflicts compare it.
create function event_content(e rated_events) returns jsonb
  language sql stable parallel safe
  return jsonb_build_object(
    'source', e.source, 'id', e.id, 'entity', e.entity, 'project', e.project,
    'occurredAt', to_char(e.occurred_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'),
    'model', e.model, 'operation', e.operation,
    'quantities', quantities_of(
      e.input_tokens, e.cached_input_tokens, e.output_tokens, e.reasoning_tokens, e.other_quantities
    ),
    'serviceTier', e.service_tier, 'region', e.details -> 'region', 'attributes', e.details -> 'attributes',
    'unread', coalesce(e.details -> 'unread', '[]'), 'rawUsage', e.details -> 'usage',
    'mended', coalesce(e.details -> 'mended', '[]'),
    'usageSource', e.usage_source, 'reservationId', e.reservation_id, 'apiKeyId', e.api_key_id,
    'userId', e.user_id, 'requestId', e.request_id, 'tags', e.tags, 'erased', coalesce(e.details -> 'erased', 'false')
  );

create view counted_usage as
select
  e.entity, e.occurred_at, e.project, e.model, e.operation, e.service_tier, e.user_id, e.api_key_id, e.period, e.rate_id,
  1::bigint as sign, 1::bigint as requests,
  e.input_tokens, e.cached_input_tokens, e.output_tokens, e.reasoning_tokens, e.other_quantities,
  e.cost_picos, e.burnt_picos, e.burns, e.tags
from rated_events e
union all
select
  c.entity, c.occurred_at, c.project, c.model, e.operation, e.service_tier, e.user_id, e.api_key_id, c.period, v.rate_id,
  v.sign, v.requests,
  v.input_tokens, v.cached_input_tokens, v.output_tokens, v.reasoning_tokens, v.other_quantities,
  v.cost_picos, v.burnt_picos, v.burns, e.tags
from usage_corrections c
join rated_events e on e.entity = c.entity and e.occurred_at = c.occurred_at and e.identity = c.identity
cross join lateral (values
  (
    -1::bigint, c.old_rate_id, case c.kind when 'void' then c.requests else -1::bigint end,
    case c.kind when 'void' then c.input_tokens else -e.input_tokens end,
    case c.kind when 'void' then c.cached_input_tokens else -e.cached_input_tokens end,
    case c.kind when 'void' then c.output_tokens else -e.output_tokens end,
    case c.kind when 'void' then c.reasoning_tokens else -e.reasoning_tokens end,
    case c.kind when 'void' then c.other_quantities else negate_quantities(e.other_quantities) end,
    -c.old_cost_picos, -c.old_burnt_picos, c.old_burns
  ),
  (
    1::bigint, c.new_rate_id, 1::bigint + c.requests,
    e.input_tokens + c.input_tokens, e.cached_input_tokens + c.cached_input_tokens,
    e.output_tokens + c.output_tokens, e.reasoning_tokens + c.reasoning_tokens, e.other_quantities,
    c.new_cost_picos, c.new_burnt_picos, c.new_burns
  )
) v (
  sign, rate_id, requests, input_tokens, cached_input_tokens, output_tokens, reasoning_tokens, other_quantities,
  cost_picos, burnt_picos, burns
)
-- A void puts nothing in.
where v.sign = -1 or c.kind = 'rerate';
comment on view counted_usage is
  'Each event as it was first rated; each correction takes it out as it was and, unless it voids, puts it in as it is now. Its burns count with the row''s sign.';
comment on column counted_usage.period is 'The month that charged the event, or that the correction is booked in.';

create view net_burns as
select entity, period, grant_id, amount_picos from burns
union all
select entity, period, grant_id, -amount_picos from burn_reversals;
comment on view net_burns is 'Burns less what was given back of them, by the month that each is booked in. Without a grant: overage.';

-- Dropped months: where events are not kept for ever, the events of a month go once nothing can change them any more. This is what stays of
-- them, written by record_usage_month alone. Dates are those of the occurrence. Roll-ups, spend, burns and corrections stay as they are.

create table dropped_months (
  -- Of the occurrence: 2026-11.
  month text not null,
  dropped_at timestamptz(3) not null,
  events bigint not null,
  -- As they were first rated.
  cost_picos numeric(38, 0) not null,
  -- Over the hashes of the entities, in order of their names.
  hash bytea not null,
  -- No correction up to this one concerns an event of the month that is still there.
  last_correction bigint not null,
  constraint dropped_months_pkey primary key (month)
);

-- How many, which corrections they had, and a hash over them: in order of time and identity, SHA-256 over the hash before and the event.
create table dropped_events (
  entity text not null,
  month text not null,
  events bigint not null,
  corrections bigint not null,
  corrected_picos numeric(38, 0) not null,
  hash bytea not null,
  constraint dropped_events_pkey primary key (entity, month)
);

-- Their sums, corrections included, as roll-ups have them.
create table dropped_usage (
  entity text not null,
  month text not null,
  project text not null,
  model text not null,
  operation text not null,
  service_tier text not null,
  period text not null,
  rate_id bigint not null,
  requests bigint not null,
  input_tokens bigint not null,
  cached_input_tokens bigint not null,
  output_tokens bigint not null,
  reasoning_tokens bigint not null,
  other_quantities jsonb,
  cost_picos numeric(38, 0) not null,
  burnt_picos numeric(38, 0) not null,
  constraint dropped_usage_pkey primary key (entity, month, project, model, operation, service_tier, period, rate_id)
);

create table dropped_burns (
  entity text not null,
  month text not null,
  grant_id text not null,
  amount_picos numeric(38, 0) not null,
  constraint dropped_burns_pkey primary key (entity, month, grant_id)
);

-- Those that lists of corrections name: events that were corrected, and that were charged to a later month. Rows of rated_events, without
-- persons.
create table kept_events (
  entity text not null,
  occurred_at timestamptz(3) not null,
  identity uuid not null,
  event jsonb not null,
  constraint kept_events_pkey primary key (entity, occurred_at, identity)
);

-- Whether what occurred then was dropped. What came late to such a month is there.
create function is_dropped(p_at timestamptz) returns boolean
  language sql stable parallel safe
  return exists (select from dropped_months d where d.month = to_char(p_at at time zone 'UTC', 'YYYY-MM'));

create function chain_text(p_before bytea, p_text text) returns bytea
  language sql immutable parallel safe
  return sha256(p_before || convert_to(p_text, 'UTF8'));
create aggregate chain_of(text) (sfunc = chain_text, stype = bytea, initcond = '');

-- What never changes of an event, as the hash of its month has it.
create function event_line(e usage_events) returns text
  language sql stable parallel safe
  return jsonb_build_array(
    e.identity, (extract(epoch from e.occurred_at) * 1000)::bigint, (extract(epoch from e.booked_at) * 1000)::bigint,
    (extract(epoch from e.charged_at) * 1000)::bigint, e.series_id, e.origin_id, e.rate_id, e.input_tokens, e.cached_input_tokens,
    e.output_tokens, e.reasoning_tokens, e.other_quantities, e.lot, e.period, e.id, e.cost_picos, e.burnt_picos, e.burns
  )::text;

-- Events are never dropped before.
create function usage_events_kept_at_least() returns interval language sql immutable return interval '60 days';

-- Writes what stays of a month, and returns how many events that are. It has the rights of the owner, for the service can write no such
-- record. drop_usage_month follows in the same transaction.
create function record_usage_month(p_month text, p_at timestamptz) returns bigint language plpgsql
  security definer as $$
declare
  v_from constant timestamptz := to_date(p_month, 'YYYY-MM')::timestamp at time zone 'UTC';
  v_to constant timestamptz := (to_date(p_month, 'YYYY-MM')::timestamp + interval '1 month') at time zone 'UTC';
  v_last bigint;
begin
  if v_to > now() - usage_events_kept_at_least() then
    raise exception 'events of % are too young to be dropped', p_month using errcode = 'restrict_violation';
  end if;
  select coalesce(max(c.id), 0) into v_last from usage_corrections c;
  insert into dropped_events (entity, month, events, corrections, corrected_picos, hash)
  select e.entity, p_month, count(*), 0, 0, chain_of(event_line(e) order by e.occurred_at, e.identity)
  from usage_events e where e.occurred_at >= v_from and e.occurred_at < v_to
  group by e.entity;
  update dropped_events d set corrections = c.corrections, corrected_picos = c.picos
  from (
    select u.entity, count(*) as corrections, sum(u.new_cost_picos - u.old_cost_picos) as picos
    from usage_corrections u where u.occurred_at >= v_from and u.occurred_at < v_to
    group by u.entity
  ) c
  where d.entity = c.entity and d.month = p_month;
  insert into dropped_usage (
    entity, month, project, model, operation, service_tier, period, rate_id, requests, input_tokens, cached_input_tokens,
    output_tokens, reasoning_tokens, other_quantities, cost_picos, burnt_picos
  )
  select
    u.entity, p_month, u.project, u.model, u.operation, u.service_tier, u.period, u.rate_id, sum(u.requests), sum(u.input_tokens),
    sum(u.cached_input_tokens), sum(u.output_tokens), sum(u.reasoning_tokens), nullif(sum_quantities(u.other_quantities), '{}'),
    sum(u.cost_picos), sum(u.burnt_picos)
  from counted_usage u where u.occurred_at >= v_from and u.occurred_at < v_to
  group by u.entity, u.project, u.model, u.operation, u.service_tier, u.period, u.rate_id;
  insert into dropped_burns (entity, month, grant_id, amount_picos)
  select u.entity, p_month, b.key, sum(u.sign * b.value::numeric)
  from counted_usage u, jsonb_each_text(u.burns) b
  where u.occurred_at >= v_from and u.occurred_at < v_to
  group by u.entity, b.key;
  insert into kept_events (entity, occurred_at, identity, event)
  select
    e.entity, e.occurred_at, e.identity,
    to_jsonb(e) || jsonb_build_object('user_id', null, 'request_id', null, 'tags', null, 'details', nullif(e.details - 'usage', '{}'))
  from rated_events e
  where e.occurred_at >= v_from and e.occurred_at < v_to and (
    e.period <> p_month
    or exists (
      select from usage_corrections c where c.entity = e.entity and c.occurred_at = e.occurred_at and c.identity = e.identity
    )
  );
  insert into dropped_months (month, dropped_at, events, cost_picos, hash, last_correction)
  select
    p_month, p_at, coalesce(sum(d.events), 0),
    coalesce((select sum(e.cost_picos) from usage_events e where e.occurred_at >= v_from and e.occurred_at < v_to), 0),
    coalesce(chain_of(d.entity || ' ' || d.events || ' ' || encode(d.hash, 'hex') order by d.entity), ''), v_last
  from dropped_events d where d.month = p_month;
  return (select d.events from dropped_months d where d.month = p_month);
end
$$;
revoke execute on function record_usage_month from public;

-- Empties the month that record_usage_month has recorded in this transaction. False, and the transaction must be rolled back, where
-- somebody reads the month, or counted, corrected or erased anything in it meanwhile: each of these marks its day. The month is emptied in its place,
-- because detaching it would lock all months, behind every reader and before everybody who counts; and so what comes late has its place.
-- It asks for the lock and never waits for it, so that nobody ever waits behind it.
create function drop_usage_month(p_month text) returns boolean language plpgsql
  security definer as $$
declare
  v_table constant text := 'usage_events_' || replace(p_month, '-', '_');
  v_from constant timestamptz := to_date(p_month, 'YYYY-MM')::timestamp at time zone 'UTC';
  v_to constant timestamptz := (to_date(p_month, 'YYYY-MM')::timestamp + interval '1 month') at time zone 'UTC';
begin
  for v_attempt in 1..20 loop
    begin
      execute format('lock table %I in access exclusive mode nowait', v_table);
      exit;
    exception when lock_not_available then
      if v_attempt = 20 then return false; end if;
      perform pg_sleep(0.05);
    end;
  end loop;
  if exists (select from usage_days d where not d.rolled_up and d.day >= v_from and d.day < v_to)
    or exists (
      select from dropped_months m join usage_corrections c on c.id > m.last_correction
      where m.month = p_month and c.occurred_at >= v_from and c.occurred_at < v_to
    )
    or not exists (
      select from dropped_months m where m.month = p_month and m.xmin::text = pg_current_xact_id()::xid::text
    )
  then
    return false;
  end if;
  execute format('truncate table %I', v_table);
  return true;
end
$$;
revoke execute on function drop_usage_month from public;

-- Counting. What a batch of usage does to the database happens in two calls of one transaction, with pure computing between them:
--
--   open_usage_batch   locks the entities, claims the identities, and returns what rating and paying need
--   close_usage_batch  writes events, roll-ups, spend and burns, and returns the states that decisions go by
--
-- Every row that they write belongs to an entity that they have locked, so that two batches never wait for each other, in any order of
-- rows. Columns come as arrays; texts of events as one string each, separated by U+001F, which no event may contain, and empty for null.
-- Both are planned once for all sizes (a plan for each batch would cost more than it saves), and by index: a table that was never
-- analyzed would otherwise be read whole for each entity.

-- The texts of one column. One text that is null is empty, which would else be a column without texts.
create function texts_of(joined text) returns text[]
  language sql immutable parallel safe
  return case when joined = '' then array[null::text] else string_to_array(joined, E'\x1f', '') end;

/*
Locks entities in name order. One that somebody else has locked is left out, and its events with it: they wait on their own. Takes the
shared lock of the price book after the entities', as everybody does; only the moment of a publication is in its way. An identity that
is taken has its event: what counted it committed, for it held the same entity. Returns JSON:

  at           when the batch is booked: by Postgres' clock after the locks, so that no hour or period that was closed under them is later
  locked       of the entities, in the order given, which are locked
  unknown      those that do not exist
  due          those of the locked that may lack an allowance of their plan: for this month, or for that of the usage
  book         the number of the newest price version
  lots         open grants of the locked: entity, id, lot, category, priority, effective_at, expires_at, created_at (ms), period of
               the allowance, remaining
  series, origins  their ids, in the order given
  taken        identities that were counted before, each with what was counted; null where that was dropped with its month
*/
create function open_usage_batch(
  p_at timestamptz, p_book_lock bigint,
  p_entities text[],
  p_series_entity integer[], p_series_project text[], p_series_model text[], p_series_operation text[], p_series_tier text[],
  p_origin_entity integer[], p_origin_source text[], p_origin_key text[], p_origin_usage_source text[],
  p_event_entity integer[], p_event_identity uuid[], p_event_ms bigint[]
) returns text
  language plpgsql set enable_seqscan = off set plan_cache_mode = force_generic_plan as $$
declare
  v_locked boolean[];
  v_names text[];
  v_unknown text[];
  v_at timestamptz(3);
  v_expected bigint;
  v_claimed bigint;
  v_series integer[];
  v_origins integer[];
  v_taken json;
  v_periods text[];
begin
  with locked as materialized (
    select e.name
    from unnest(p_entities) n (name) join entities e on e.name = n.name
    order by e.name
    for no key update of e skip locked
  )
  select array_agg(l.name is not null order by n.place), array_agg(l.name) filter (where l.name is not null)
  into v_locked, v_names
  from unnest(p_entities) with ordinality n (name, place) left join locked l on l.name = n.name;
  if v_names is null or cardinality(v_names) < cardinality(p_entities) then
    select array_agg(n.name) into v_unknown
    from unnest(p_entities) n (name)
    where not exists (select from entities e where e.name = n.name);
  end if;
  perform pg_advisory_xact_lock_shared(p_book_lock);
  v_at := coalesce(p_at, clock_timestamp());
  -- That of the booking; in the grace of 72 hours the one before if any of the usage may be of it; and the next one for what is ahead.
  select array_agg(distinct to_char(t.at at time zone 'UTC', 'YYYY-MM')) into v_periods
  from (
    select v_at union all
    select v_at - interval '72 hours'
    where exists (select from unnest(p_event_ms) e (ms) where to_timestamp(e.ms / 1000) < date_trunc('month', v_at, 'UTC'))
    union all
    select greatest(v_at, to_timestamp(max(e.ms) / 1000)) from unnest(p_event_ms) e (ms)
  ) t (at);

  insert into usage_identities (identity, occurred_at)
  select t.identity, to_timestamp(t.ms::double precision / 1000)
  from unnest(p_event_entity, p_event_identity, p_event_ms) t (entity, identity, ms)
  where v_locked[t.entity]
  order by t.identity
  on conflict (identity) do nothing;
  get diagnostics v_claimed = row_count;
  select count(*) into v_expected from unnest(p_event_entity) t (entity) where v_locked[t.entity];
  if v_claimed < v_expected then
    -- One whose event was dropped with its month has no content to compare. Those of this batch were written by this transaction.
    select json_agg(json_build_object(
      'identity', i.identity, 'event', case when r.identity is not null then event_content(r) end
    )) into v_taken
    from unnest(p_event_entity, p_event_identity) t (entity, identity)
    join usage_identities i on i.identity = t.identity
    left join rated_events r on r.entity = p_entities[t.entity] and r.occurred_at = i.occurred_at and r.identity = i.identity
    where v_locked[t.entity] and (r.identity is not null or i.xmin::text <> pg_current_xact_id()::xid::text);
  end if;

  for v_attempt in 1..2 loop
    select array_agg(s.id order by t.place) into v_series
    from unnest(p_series_entity, p_series_project, p_series_model, p_series_operation, p_series_tier)
      with ordinality t (entity, project, model, operation, tier, place)
    left join usage_series s
      on s.entity = p_entities[t.entity] and s.project = t.project and s.model = t.model and s.operation = t.operation
        and s.service_tier = t.tier;
    exit when v_attempt = 2 or not exists (
      select from unnest(p_series_entity, v_series) t (entity, id) where t.id is null and v_locked[t.entity]
    );
    with missing as materialized (
      select p_entities[t.entity] as entity, t.project, t.model, t.operation, t.tier
      from unnest(p_series_entity, p_series_project, p_series_model, p_series_operation, p_series_tier, v_series)
        t (entity, project, model, operation, tier, id)
      where t.id is null and v_locked[t.entity]
    ), seen as (
      insert into projects (entity, name, created_at)
      select distinct entity, project, v_at from missing order by entity, project
      on conflict (entity, name) do nothing
    )
    insert into usage_series (entity, project, model, operation, service_tier)
    select entity, project, model, operation, tier from missing order by entity, project, model, operation, tier
    on conflict do nothing;
  end loop;
  for v_attempt in 1..2 loop
    select array_agg(o.id order by t.place) into v_origins
    from unnest(p_origin_entity, p_origin_source, p_origin_key, p_origin_usage_source)
      with ordinality t (entity, source, key, usage_source, place)
    left join usage_origins o
      on o.entity = p_entities[t.entity] and o.source = t.source and o.usage_source = t.usage_source
        and o.api_key_id is not distinct from t.key;
    exit when v_attempt = 2 or not exists (
      select from unnest(p_origin_entity, v_origins) t (entity, id) where t.id is null and v_locked[t.entity]
    );
    insert into usage_origins (entity, source, api_key_id, usage_source)
    select p_entities[t.entity], t.source, t.key, t.usage_source
    from unnest(p_origin_entity, p_origin_source, p_origin_key, p_origin_usage_source, v_origins)
      t (entity, source, key, usage_source, id)
    where t.id is null and v_locked[t.entity]
    order by 1, 2, 3, 4
    on conflict do nothing;
  end loop;

  return json_build_object(
    'at', extract(epoch from v_at) * 1000,
    'locked', to_json(v_locked),
    'unknown', coalesce(to_json(v_unknown), '[]'),
    'due', (
      select coalesce(json_agg(e.name), '[]')
      from unnest(v_names) n (name)
      join entities e on e.name = n.name
      join plans p on p.name = e.plan
      where p.monthly_credit_picos > 0 and exists (
        select from unnest(v_periods) m (period)
        where not exists (select from credit_grants g where g.entity = e.name and g.allowance_period = m.period)
      )
    ),
    'book', (select coalesce(max(id), 0) from prices),
    'lots', (
      select coalesce(json_agg(json_build_array(
        g.entity, g.id, g.lot, g.category, g.priority, extract(epoch from g.effective_at) * 1000,
        extract(epoch from g.expires_at) * 1000, extract(epoch from g.created_at) * 1000, g.allowance_period,
        g.remaining_picos::text
      )), '[]')
      from unnest(v_names) n (name) join credit_grants g on g.entity = n.name and g.is_open and g.frozen_at is null
    ),
    'series', to_json(v_series),
    'origins', to_json(v_origins),
    'taken', coalesce(v_taken, '[]')
  )::text;
end
$$;

-- Adds to the roll-ups by hour and invalidates those of their days. Needs the entities' locks.
create function add_usage_hours(
  p_entity text[], p_ms bigint[], p_series integer[], p_period text[], p_rate integer[], p_requests bigint[],
  p_input bigint[], p_cached_input bigint[], p_output bigint[], p_reasoning bigint[], p_other jsonb[],
  p_cost numeric[], p_paid numeric[], p_promotional numeric[]
) returns void
  language plpgsql set enable_seqscan = off set plan_cache_mode = force_generic_plan as $$
begin
  insert into usage_hourly as u (
    entity, hour, series_id, period, rate_id, requests, input_tokens, cached_input_tokens, output_tokens, reasoning_tokens,
    other_quantities, cost_picos, paid_burnt_picos, promotional_burnt_picos
  )
  select
    t.entity, to_timestamp(t.ms::double precision / 1000), t.series, t.period, t.rate, t.requests, t.input, t.cached_input, t.output,
    t.reasoning, t.other, t.cost, t.paid, t.promotional
  from unnest(
    p_entity, p_ms, p_series, p_period, p_rate, p_requests, p_input, p_cached_input, p_output, p_reasoning, p_other, p_cost, p_paid,
    p_promotional
  ) t (
    entity, ms, series, period, rate, requests, input, cached_input, output, reasoning, other, cost, paid, promotional
  )
  on conflict (entity, hour, series_id, period, rate_id) do update set
    requests = u.requests + excluded.requests,
    input_tokens = u.input_tokens + excluded.input_tokens,
    cached_input_tokens = u.cached_input_tokens + excluded.cached_input_tokens,
    output_tokens = u.output_tokens + excluded.output_tokens,
    reasoning_tokens = u.reasoning_tokens + excluded.reasoning_tokens,
    other_quantities = coalesce(
      add_quantities(u.other_quantities, excluded.other_quantities), u.other_quantities, excluded.other_quantities
    ),
    cost_picos = u.cost_picos + excluded.cost_picos,
    paid_burnt_picos = u.paid_burnt_picos + excluded.paid_burnt_picos,
    promotional_burnt_picos = u.promotional_burnt_picos + excluded.promotional_burnt_picos;
  insert into usage_days (entity, day)
  select distinct t.entity, date_trunc('day', to_timestamp(t.ms::double precision / 1000), 'UTC')
  from unnest(p_entity, p_ms) t (entity, ms)
  on conflict (entity, day) do nothing;
  update usage_days d set rolled_up = false, build = null
  from unnest(p_entity, p_ms) t (entity, ms)
  where d.entity = t.entity and d.day = date_trunc('day', to_timestamp(t.ms::double precision / 1000), 'UTC')
    and (d.rolled_up or d.build is not null);
end
$$;

-- Adds to the spend of projects and, summed over them, of entities. False, and nothing of a closed period, where one of the periods is
-- closed. Needs the entities' locks.
create function add_spend(
  p_entity text[], p_period text[], p_project text[], p_cost numeric[], p_burnt numeric[]
) returns boolean
  language plpgsql set enable_seqscan = off set plan_cache_mode = force_generic_plan as $$
begin
  if exists (
    select from unnest(p_entity, p_period) t (entity, period)
    join closed_periods c on c.entity = t.entity and c.period = t.period
  ) then
    return false;
  end if;
  insert into entity_spend as e (entity, period, cost_picos, burnt_picos, overage_picos)
  select t.entity, t.period, sum(t.cost), sum(t.burnt), sum(t.cost - t.burnt)
  from unnest(p_entity, p_period, p_cost, p_burnt) t (entity, period, cost, burnt)
  group by t.entity, t.period
  on conflict (entity, period) do update set
    cost_picos = e.cost_picos + excluded.cost_picos,
    burnt_picos = e.burnt_picos + excluded.burnt_picos,
    overage_picos = e.overage_picos + excluded.overage_picos;
  insert into project_spend as p (entity, period, project, cost_picos)
  select t.entity, t.period, t.project, t.cost
  from unnest(p_entity, p_period, p_project, p_cost) t (entity, period, project, cost)
  on conflict (entity, period, project) do update set cost_picos = p.cost_picos + excluded.cost_picos;
  return true;
end
$$;

-- Takes burns from their grants and adds them to the hour of booking. Without a grant: overage. False where that hour is posted already.
-- Needs the entities' locks.
create function add_burns(
  p_hour timestamptz, p_entity text[], p_period text[], p_grant text[], p_amount numeric[]
) returns boolean
  language plpgsql set enable_seqscan = off set plan_cache_mode = force_generic_plan as $$
declare
  v_added bigint;
begin
  update credit_grants g set
    remaining_picos = g.remaining_picos - b.amount,
    burnt_picos = g.burnt_picos + b.amount
  from (
    select t.entity, t.grant_id, sum(t.amount) as amount
    from unnest(p_entity, p_grant, p_amount) t (entity, grant_id, amount)
    where t.grant_id is not null
    group by t.entity, t.grant_id
  ) b
  where g.entity = b.entity and g.id = b.grant_id;
  with added as (
    insert into burns as o (entity, booked_hour, period, grant_id, amount_picos)
    select t.entity, p_hour, t.period, t.grant_id, t.amount
    from unnest(p_entity, p_period, p_grant, p_amount) t (entity, period, grant_id, amount)
    on conflict (entity, booked_hour, period, grant_id) do update set amount_picos = o.amount_picos + excluded.amount_picos
    where not o.posted
    returning 1
  )
  select count(*) into v_added from added;
  return v_added = cardinality(p_entity);
end
$$;

-- What decisions need to know of entities, as of a time, amounts as text. An unknown entity has the default plan and has spent nothing.
-- Takes no locks. Spend, credits and version are consistent because one statement reads them. A grant counts from its own booking on, also
-- where `p_at` comes from a clock that lies behind by a moment: what is booked is past.
--
-- A row for each project that belongs to the entity's state, or one row with the project ''. These are all that have a limit, unless
-- they are more than `p_limited_max` (then has_every_limit is false); and those asked for, the ones without a limit if `p_unlimited`.
create function quota_states(
  p_entity text[], p_project text[], p_unlimited boolean, p_limited_max integer, p_default_plan text, p_at timestamptz
) returns table (
  entity text, is_created boolean, version text, quota_mode text, overage text, monthly_cap text, yearly_cap text,
  max_concurrent integer, month_cost text, year_cost text, credits text, granted text, credits_change_at timestamptz,
  has_every_limit boolean, project text, project_month_cost text, project_cap text, project_max_concurrent integer,
  cap_is_owners boolean, project_cap_is_owners boolean
)
  language plpgsql stable set enable_seqscan = off set plan_cache_mode = force_generic_plan as $$
#variable_conflict use_column
declare
  v_period text := to_char(p_at at time zone 'UTC', 'YYYY-MM');
  v_first text := left(v_period, 4) || '-01';
  v_last text := left(v_period, 4) || '-12';
begin
  return query
  select
    n.entity, e.name is not null, (coalesce(e.version, 0) + p.version)::text, coalesce(e.quota_mode, 'enforce'),
    coalesce(e.overage, p.overage),
    least(cap.picos, e.spend_limit_picos)::text,
    (case when e.yearly_cap_own then e.yearly_cap_picos else p.yearly_cap_picos end)::text,
    case when e.max_concurrent_own then e.max_concurrent_requests else p.max_concurrent_requests end,
    spend.month_cost::text, spend.year_cost::text, lots.credits::text, lots.granted::text, lots.change_at,
    cardinality(limited.names) <= p_limited_max,
    coalesce(shown.name, ''), shown.month_cost::text, least(shown.monthly_cap_picos, shown.spend_limit_picos)::text,
    shown.max_concurrent_requests,
    coalesce(e.spend_limit_picos < coalesce(cap.picos, 'infinity'), false),
    coalesce(shown.spend_limit_picos < coalesce(shown.monthly_cap_picos, 'infinity'), false)
  from (
    select t.entity, array_agg(t.project) filter (where t.project <> '') as projects
    from unnest(p_entity, p_project) t (entity, project)
    group by t.entity
  ) n
  left join entities e on e.name = n.entity
  join plans p on p.name = coalesce(e.plan, p_default_plan)
  cross join lateral (
    select case when e.monthly_cap_own then e.monthly_cap_picos else p.monthly_cap_picos end as picos
  ) cap
  cross join lateral (
    select
      coalesce(sum(s.cost_picos) filter (where s.period = v_period), 0) as month_cost,
      coalesce(sum(s.cost_picos), 0) as year_cost
    from entity_spend s
    where s.entity = n.entity and s.period between v_first and v_last
  ) spend
  cross join lateral (
    select
      coalesce(sum(g.remaining_picos) filter (where g.effective_at <= greatest(p_at, g.created_at)), 0) as credits,
      coalesce(sum(g.amount_picos) filter (where g.effective_at <= greatest(p_at, g.created_at)), 0) as granted,
      min(case when g.effective_at > greatest(p_at, g.created_at) then g.effective_at else g.expires_at end) filter (where g.is_open) as change_at
    from credit_grants g
    where g.entity = n.entity and g.frozen_at is null and (g.expires_at is null or g.expires_at > p_at)
  ) lots
  cross join lateral (
    select array(
      select r.name
      from projects r
      where r.entity = n.entity
        and (r.monthly_cap_picos is not null or r.max_concurrent_requests is not null or r.spend_limit_picos is not null)
      limit p_limited_max + 1
    ) as names
  ) limited
  left join lateral (
    select m.name, r.monthly_cap_picos, r.spend_limit_picos, r.max_concurrent_requests, coalesce(s.cost_picos, 0) as month_cost
    from (
      select unnest(limited.names) as name where cardinality(limited.names) <= p_limited_max
      union
      select unnest(n.projects)
    ) m
    left join projects r on r.entity = n.entity and r.name = m.name
    left join project_spend s on s.entity = n.entity and s.period = v_period and s.project = m.name
    where p_unlimited or r.monthly_cap_picos is not null or r.max_concurrent_requests is not null or r.spend_limit_picos is not null
  ) shown on true;
end
$$;

/*
Writes a batch that open_usage_batch has opened, in the same transaction: events, what they add to each sum, and the entities' versions.
Returns JSON: the states of the entities as this transaction leaves them; or null, and then the transaction must be rolled back and
run again, because an hour or a period was closed after the batch was opened. That needs a clock that was set back.
*/
create function close_usage_batch(
  p_at timestamptz, p_default_plan text, p_limited_max integer, p_entities text[],
  p_event_entity text, p_event_identity uuid[], p_event_ms bigint[], p_event_series integer[], p_event_origin integer[],
  p_event_rate integer[], p_event_period text, p_event_id text,
  p_event_input integer[], p_event_cached_input integer[], p_event_output integer[], p_event_reasoning integer[], p_event_other text,
  p_event_cost numeric[], p_event_burnt numeric[], p_event_lot integer[], p_event_burns text, p_event_unpriced text,
  p_event_reservation text, p_event_user text, p_event_request text, p_event_tags text, p_event_details text,
  p_hour_entity text[], p_hour_ms bigint[], p_hour_series integer[], p_hour_period text[], p_hour_rate integer[],
  p_hour_requests bigint[], p_hour_input bigint[], p_hour_cached_input bigint[], p_hour_output bigint[], p_hour_reasoning bigint[],
  p_hour_other jsonb[], p_hour_cost numeric[], p_hour_paid numeric[], p_hour_promotional numeric[],
  p_spend_entity text[], p_spend_period text[], p_spend_project text[], p_spend_cost numeric[], p_spend_burnt numeric[],
  p_burn_entity text[], p_burn_period text[], p_burn_grant text[], p_burn_amount numeric[]
) returns text
  language plpgsql set enable_seqscan = off set plan_cache_mode = force_generic_plan as $$
declare
  v_events constant integer := cardinality(p_event_identity);
  v_states json;
begin
  -- A text with the separator in it would shift all that follow.
  if exists (
    select from unnest(array[
      p_event_entity, p_event_period, p_event_id, p_event_other, p_event_burns, p_event_unpriced, p_event_reservation, p_event_user,
      p_event_request, p_event_tags, p_event_details
    ]) t (joined)
    where cardinality(texts_of(t.joined)) <> v_events
  ) then
    raise exception 'a column of texts does not have % parts', v_events;
  end if;
  insert into usage_events (
    entity, occurred_at, identity, booked_at, series_id, origin_id, rate_id, input_tokens, cached_input_tokens, output_tokens,
    reasoning_tokens, lot, period, id, cost_picos, burnt_picos, burns, other_quantities, unpriced_meters, reservation_id, user_id,
    request_id, tags, details
  )
  select
    t.entity, to_timestamp(t.ms::double precision / 1000), t.identity, p_at, t.series, t.origin, t.rate, t.input, t.cached_input,
    t.output, t.reasoning, t.lot, t.period, t.id, t.cost, t.burnt, t.burns::jsonb, t.other::jsonb,
    -- A comma alone is a list without meters: the model has no price, and only the request is to be charged.
    array_remove(string_to_array(t.unpriced, ','), ''), t.reservation, t.user_id, t.request, t.tags::jsonb, t.details::jsonb
  from unnest(
    texts_of(p_event_entity), p_event_ms, p_event_identity, p_event_series, p_event_origin, p_event_rate, p_event_input,
    p_event_cached_input, p_event_output, p_event_reasoning, p_event_lot, texts_of(p_event_period), texts_of(p_event_id), p_event_cost,
    p_event_burnt, texts_of(p_event_burns), texts_of(p_event_other), texts_of(p_event_unpriced), texts_of(p_event_reservation),
    texts_of(p_event_user), texts_of(p_event_request), texts_of(p_event_tags), texts_of(p_event_details)
  ) t (
    entity, ms, identity, series, origin, rate, input, cached_input, output, reasoning, lot, period, id, cost, burnt, burns, other,
    unpriced, reservation, user_id, request, tags, details
  );
  perform add_usage_hours(
    p_hour_entity, p_hour_ms, p_hour_series, p_hour_period, p_hour_rate, p_hour_requests, p_hour_input, p_hour_cached_input,
    p_hour_output, p_hour_reasoning, p_hour_other, p_hour_cost, p_hour_paid, p_hour_promotional
  );
  if not add_spend(p_spend_entity, p_spend_period, p_spend_project, p_spend_cost, p_spend_burnt) then return null; end if;
  if not add_burns(date_trunc('hour', p_at, 'UTC'), p_burn_entity, p_burn_period, p_burn_grant, p_burn_amount) then
    return null;
  end if;
  update entities e set version = e.version + 1 from unnest(p_entities) n (name) where e.name = n.name;
  select json_agg(row_to_json(s)) into v_states
  from quota_states(p_spend_entity, p_spend_project, false, p_limited_max, p_default_plan, p_at) s;
  return v_states::text;
end
$$;

-- Quota: the recent output sizes of each entity's models, from which holds are learned. A row counts the requests with at most `tokens_max` output
-- tokens and more than the class below has. It is a sample, halved every day; nothing is charged by it.

create table output_sizes (
  entity text not null,
  model text not null,
  tokens_max integer not null,
  requests bigint not null,
  constraint output_sizes_pkey primary key (entity, model, tokens_max),
  constraint output_sizes_tokens_are_not_negative check (tokens_max >= 0),
  constraint output_sizes_are_of_a_request check (requests > 0)
);

-- Up to when events were sampled. The one row is also the lock of the sampling.

create table output_sampling (
  id smallint not null,
  sampled_until timestamptz(3) not null,
  constraint output_sampling_pkey primary key (id),
  constraint output_sampling_is_one_row check (id = 1)
);

-- Alerts, and the webhooks that they are sent to.

create table spend_alerts (
  entity text not null,
  id text not null,
  -- Null watches the entity as a whole.
  project text,
  threshold_picos numeric(38, 0) not null,
  recipients text[],
  subject_prefix text,
  created_at timestamptz(3) not null,
  constraint spend_alerts_pkey primary key (entity, id),
  constraint spend_alerts_threshold_is_positive check (threshold_picos > 0),
  -- Prisma does not declare lists as "not null".
  constraint spend_alerts_name_their_recipients check (recipients is not null)
);
create index spend_alerts_scope_idx on spend_alerts (entity, project);

-- The key makes an alert fire once per month and threshold. A row outlives its alert.

create table spend_alert_firings (
  entity text not null,
  alert_id text not null,
  period text not null,
  threshold_picos numeric(38, 0) not null,
  spent_picos numeric(38, 0) not null,
  fired_at timestamptz(3) not null,
  constraint spend_alert_firings_pkey primary key (entity, alert_id, period, threshold_picos)
);

-- Alerts of other kinds: what is low, near, or wrong. Few rows, and some of them for all entities: they are found by their id alone.

create table alerts (
  id text not null,
  -- Null watches all entities, or the service, for who runs it.
  entity text,
  kind text not null,
  -- The terms of its kind.
  project text,
  below_picos numeric(38, 0),
  within_days integer,
  cap text,
  share_percent integer,
  older_than_seconds integer,
  recipients text[],
  subject_prefix text,
  created_at timestamptz(3) not null,
  constraint alerts_pkey primary key (id),
  constraint alerts_have_the_terms_of_their_kind check (case kind
    when 'low_balance' then below_picos > 0
    when 'credits_running_out' then within_days > 0
    when 'cap_share' then share_percent between 1 and 100 and cap in ('monthly', 'yearly')
    when 'queue_late' then older_than_seconds > 0
    else kind in ('unpriced_usage', 'unread_fields') end),
  constraint alerts_name_their_recipients check (recipients is not null)
);
create index alerts_entity_idx on alerts (entity);

-- Alerts that have fired and are not armed again: what they watch is still so.

create table alert_states (
  -- That the alert has fired about. Empty where it is about none.
  entity text not null,
  alert_id text not null,
  -- What within the entity: a model, a field, a month and its cap.
  subject text not null,
  fired_at timestamptz(3) not null,
  constraint alert_states_pkey primary key (entity, alert_id, subject)
);
create index alert_states_alert_idx on alert_states (alert_id);

create table mail_deliveries (
  -- Whose alert it is. Empty for one of who runs the service.
  entity text not null,
  id text not null,
  event_id text not null,
  event_type text not null,
  recipient text not null,
  subject text not null,
  body text not null,
  status text not null,
  attempts integer not null default 0,
  next_attempt_at timestamptz(3) not null,
  queued_at timestamptz(3) not null,
  attempt_log jsonb not null default '[]',
  created_at timestamptz(3) not null,
  constraint mail_deliveries_pkey primary key (entity, id),
  constraint mail_deliveries_status_is_known check (status in ('pending', 'delivered', 'failed'))
);
create index mail_deliveries_due_idx on mail_deliveries (entity, next_attempt_at) where status = 'pending';
create index mail_deliveries_entity_idx on mail_deliveries (entity, created_at, id);
create index mail_deliveries_created_at_idx on mail_deliveries (created_at, id);

-- Few rows, and some of them for all entities: they are found by their id alone.

create table webhooks (
  id text not null,
  url text not null,
  -- Null receives the alerts of all entities.
  entity text,
  -- It signs messages, so it cannot be stored as a hash.
  secret text not null,
  -- Set once it was rotated. The secret before it signs too until then.
  rotated_at timestamptz(3),
  previous_secret text,
  previous_secret_until timestamptz(3),
  created_at timestamptz(3) not null,
  -- Failed attempts since the last one that was accepted.
  failures integer not null default 0,
  -- It gets nothing before: while an attempt is in flight, and for a while after too many failures.
  next_at timestamptz(3) not null,
  constraint webhooks_pkey primary key (id),
  constraint webhooks_previous_secret_ends check ((previous_secret is null) = (previous_secret_until is null))
);

create table webhook_deliveries (
  -- That the event is about, also where the webhook receives the alerts of all. Empty where it is about none.
  entity text not null,
  id text not null,
  webhook_id text not null,
  -- The same for every webhook that receives the event.
  event_id text not null,
  event_type text not null,
  payload text not null,
  status text not null,
  -- Since it was queued, or sent again by hand.
  attempts integer not null default 0,
  next_attempt_at timestamptz(3) not null,
  queued_at timestamptz(3) not null,
  -- The newest attempts: when, which status or error, how long.
  attempt_log jsonb not null default '[]',
  last_error text,
  created_at timestamptz(3) not null,
  constraint webhook_deliveries_pkey primary key (entity, id),
  constraint webhook_deliveries_go_to_a_webhook foreign key (webhook_id) references webhooks (id) on delete cascade,
  constraint webhook_deliveries_status_is_known check (status in ('pending', 'delivered', 'failed'))
);
create index webhook_deliveries_due_idx on webhook_deliveries (webhook_id, next_attempt_at) where status = 'pending';
create index webhook_deliveries_webhook_idx on webhook_deliveries (webhook_id, created_at, id);

-- Access: keys, idempotency records, and the audit log.

create table api_keys (
  id text not null,
  name text not null,
  role text not null,
  entity text,
  -- The only source that events may name which the key reports; null: any.
  source text,
  secret_hash text not null,
  created_at timestamptz(3) not null,
  revoked_at timestamptz(3),
  expires_at timestamptz(3),
  -- To the minute.
  last_used_at timestamptz(3),
  -- The key that took its place when it was rotated.
  successor text,
  constraint api_keys_pkey primary key (id),
  constraint api_keys_have_secrets_of_their_own unique (secret_hash),
  constraint api_keys_role_is_known check (role in ('gateway', 'finance', 'owner', 'admin')),
  constraint api_keys_admins_are_bound_to_none check (role <> 'admin' or entity is null),
  constraint api_keys_owners_are_bound check (role <> 'owner' or entity is not null)
);
create index api_keys_created_at_id_idx on api_keys (created_at, id);
create index api_keys_entity_created_at_id_idx on api_keys (entity, created_at, id);

create table idempotency_keys (
  scope text not null,
  key text not null,
  request_hash text not null,
  status integer not null,
  body text not null,
  created_at timestamptz(3) not null,
  -- That the answer is about, where it is about one: it goes when the entity is deleted, so that a new one of its name gets no old answer.
  entity text,
  constraint idempotency_keys_pkey primary key (scope, key)
);
create index idempotency_keys_entity_idx on idempotency_keys (entity) where entity is not null;

-- For how many months what is not money is kept; null is for ever. A kind without a row is kept by its default.
create table retention_settings (
  kind text not null,
  months integer,
  constraint retention_settings_pkey primary key (kind),
  constraint retention_settings_months_are_positive check (months > 0)
);

-- Long work: what was asked for, how far it is, and what came of it. A worker runs one job of a kind at a time.

create table jobs (
  id text not null,
  kind text not null,
  -- Null where it concerns all.
  entity text,
  status text not null,
  -- From 0 to 1.
  progress double precision not null default 0,
  -- What it is to do. Gone once the job has ended, for it may be large and may name a person.
  input jsonb,
  -- From where it goes on when it is run again.
  state jsonb,
  -- The request that asked for it: what the audit log says of what it changes. Gone once the job has ended, like these.
  caller jsonb,
  -- Of the kind, the input and the parts: what makes two jobs the same.
  input_hash text not null,
  -- JSON as it is answered.
  result text,
  error jsonb,
  actor text not null,
  attempts integer not null default 0,
  -- The process that runs it, and when it last said so.
  runner uuid,
  seen_at timestamptz(3),
  created_at timestamptz(3) not null,
  started_at timestamptz(3),
  finished_at timestamptz(3),
  constraint jobs_pkey primary key (id),
  constraint jobs_status_is_known check (status in ('queued', 'running', 'done', 'failed')),
  constraint jobs_progress_is_a_share check (progress between 0 and 1),
  constraint jobs_that_run_have_a_runner check ((status = 'running') = (runner is not null)),
  constraint jobs_end_with_a_result_or_an_error check (
    (status = 'done') = (result is not null) and (status = 'failed') = (error is not null)
    and (status in ('done', 'failed')) = (finished_at is not null)
  )
);
create unique index jobs_one_of_a_kind_runs_idx on jobs (kind) where status = 'running';
create index jobs_unfinished_idx on jobs (kind, created_at) where status in ('queued', 'running');
create index jobs_kind_created_at_idx on jobs (kind, created_at);
create index jobs_created_at_idx on jobs (created_at, id);
create index jobs_failed_idx on jobs (created_at) where status = 'failed';

-- Input that is too large for one value, such as the entries of a price map.
create table job_parts (
  job_id text not null,
  part integer not null,
  content text not null,
  constraint job_parts_pkey primary key (job_id, part)
);

-- The log is one list, whose entries may concern no entity: it is keyed and read by the id. It is not written for usage.
create table audit_log (
  id bigserial not null,
  at timestamptz(3) not null,
  actor text not null,
  action text not null,
  entity text,
  target text,
  before jsonb,
  after jsonb,
  -- The request that asked for it: its id, the role of its key, and the address that it came from. Null for what nobody asked for.
  request_id text,
  role text,
  address text,
  hash bytea not null,
  constraint audit_log_pkey primary key (id)
);
create index audit_log_entity_id_idx on audit_log (entity, id);
create index audit_log_actor_id_idx on audit_log (actor, id);
create index audit_log_action_id_idx on audit_log (action, id);
create index audit_log_at_idx on audit_log (at);
create trigger audit_log_append_only before update on audit_log
  for each row execute function refuse_change();
create trigger audit_log_no_truncate before truncate on audit_log
  for each statement execute function refuse_change();

-- Tamper evidence: entries of the ledger and of the audit log are chained. Each has a hash over its content and the hash of the entry
-- before it, of the same entity and log; entries that concern no entity have a chain of their own, under the entity ''. To change, remove,
-- move or slip in an entry breaks the chain there, and a chain that is forged from there to its end ends in another hash than
-- was logged.

create table chain_heads (
  entity text not null,
  -- The table that holds the entries.
  log text not null,
  -- How many entries there ever were, and the last of them.
  entries bigint not null default 0,
  last_id bigint not null default 0,
  hash bytea not null default '',
  -- What was pruned: the first of the entries, up to this one. The chain now begins with its hash.
  pruned_entries bigint not null default 0,
  pruned_id bigint not null default 0,
  pruned_hash bytea not null default '',
  -- Whether this head stands in the service's log.
  logged boolean not null default false,
  constraint chain_heads_pkey primary key (entity, log),
  constraint chain_heads_log_is_known check (log in ('audit_log', 'ledger_entries'))
) with (fillfactor = 80);
create index chain_heads_to_log_idx on chain_heads (entity, log) where not logged;

-- The hash of an entry, in the only place that computes it: SHA-256 over the hash before it and the row as JSON, with its times in UTC
-- whatever the session's zone is. A column that is added later must be left out here where it is null, so that it changes no hash.
create function chain_hash(p_before bytea, p_entry anyelement) returns bytea
  language plpgsql stable parallel safe set timezone = 'UTC' as $$
begin
  return sha256(p_before || convert_to((to_jsonb(p_entry) - 'hash')::text, 'UTF8'));
end
$$;

-- Chains an entry, whichever role writes it. Locks the head of its chain until the transaction ends, and gives the entry its id under that lock,
-- so that ids of a chain are in its order. Writers of the ledger hold the entity's lock already; those of the audit log write it last. It
-- has the rights of the owner, for the service cannot change a head. An entry of the same statement comes after the head's last one.
create function chain_entry() returns trigger language plpgsql security definer as $$
declare
  v_head chain_heads;
  v_before bytea;
begin
  loop
    select * into v_head from chain_heads h where h.entity = coalesce(new.entity, '') and h.log = tg_table_name for no key update;
    exit when found;
    insert into chain_heads (entity, log) values (coalesce(new.entity, ''), tg_table_name) on conflict do nothing;
  end loop;
  if tg_table_name = 'ledger_entries' then
    select e.hash into v_before from ledger_entries e
    where e.entity = new.entity and e.id > v_head.last_id order by e.id desc limit 1;
  elsif new.entity is not null then
    select e.hash into v_before from audit_log e
    where e.entity = new.entity and e.id > v_head.last_id order by e.id desc limit 1;
  else
    select e.hash into v_before from audit_log e
    where e.entity is null and e.id > v_head.last_id order by e.id desc limit 1;
  end if;
  new.id := nextval(tg_argv[0]);
  new.hash := chain_hash(coalesce(v_before, v_head.hash), new);
  return new;
end
$$;
revoke execute on function chain_entry from public;

-- Moves the heads to the entries that a statement has added: once, for an update of the same row again and again would slow down with
-- each.
create function move_chain_heads() returns trigger language plpgsql security definer as $$
begin
  update chain_heads h set entries = h.entries + a.entries, last_id = a.last_id, hash = a.hash, logged = false
  from (
    select coalesce(n.entity, '') as entity, count(*) as entries, max(n.id) as last_id, (array_agg(n.hash order by n.id desc))[1] as hash
    from added n group by n.entity
  ) a
  where h.entity = a.entity and h.log = tg_table_name;
  return null;
end
$$;
revoke execute on function move_chain_heads from public;

alter table ledger_entries alter column id drop default;
create trigger ledger_entries_chain before insert on ledger_entries
  for each row execute function chain_entry('ledger_entries_id_seq');
create trigger ledger_entries_chain_heads after insert on ledger_entries
  referencing new table as added for each statement execute function move_chain_heads();
alter table audit_log alter column id drop default;
create trigger audit_log_chain before insert on audit_log
  for each row execute function chain_entry('audit_log_id_seq');
create trigger audit_log_chain_heads after insert on audit_log
  referencing new table as added for each statement execute function move_chain_heads();

-- Heads that are not in the service's log yet, which the caller writes there before it commits. One that is being changed waits for the
-- next call.
create function take_chain_heads(p_limit integer) returns setof chain_heads
  language sql security definer
  begin atomic
    update chain_heads h set logged = true
    from (
      select n.entity, n.log from chain_heads n where not n.logged order by n.entity, n.log limit p_limit for no key update skip locked
    ) taken
    where h.entity = taken.entity and h.log = taken.log
    returning h.*;
  end;
revoke execute on function take_chain_heads from public;

-- Entries of the audit log are never pruned before.
create function audit_log_kept_at_least() returns interval language sql immutable return interval '30 days';

-- Prunes the oldest entries of one chain of the audit log, at most so many, and returns how many. The head first remembers the last of
-- them, from which the chain goes on; only what it remembers as pruned can be deleted. An old entry after a younger one stays with it.
create function prune_audit_log(p_entity text, p_before timestamptz, p_limit integer) returns integer
  language plpgsql security definer as $$
declare
  v_before constant timestamptz := least(p_before, now() - audit_log_kept_at_least());
  v_pruned_id bigint;
  v_ids bigint[];
  v_hash bytea;
begin
  select h.pruned_id into v_pruned_id from chain_heads h where h.entity = p_entity and h.log = 'audit_log' for no key update;
  select array_agg(e.id order by e.id) into v_ids
  from (
    select o.id, bool_and(o.at < v_before) over (order by o.id) as is_old
    from (
      select a.id, a.at from audit_log a where a.entity = nullif(p_entity, '') and a.id > v_pruned_id
      union all
      select a.id, a.at from audit_log a where p_entity = '' and a.entity is null and a.id > v_pruned_id
      order by 1 limit p_limit
    ) o
  ) e
  where e.is_old;
  if v_ids is null then return 0; end if;
  select a.hash into v_hash from audit_log a where a.id = v_ids[cardinality(v_ids)];
  update chain_heads h set
    pruned_entries = h.pruned_entries + cardinality(v_ids), pruned_id = v_ids[cardinality(v_ids)], pruned_hash = v_hash
  where h.entity = p_entity and h.log = 'audit_log';
  delete from audit_log a where a.id = any(v_ids);
  return cardinality(v_ids);
end
$$;
revoke execute on function prune_audit_log from public;

create function refuse_unless_pruned() returns trigger language plpgsql as $$
begin
  if exists (
    select from chain_heads h where h.entity = coalesce(old.entity, '') and h.log = tg_table_name and h.pruned_id >= old.id
  ) then
    return old;
  end if;
  raise exception '% is append only: entries are pruned by prune_audit_log alone', tg_table_name using errcode = 'restrict_violation';
end
$$;
create trigger audit_log_only_pruned before delete on audit_log
  for each row execute function refuse_unless_pruned();

-- Functions with the rights of the owner find the tables in the schema of this migration, whatever the caller's search_path is.

do $$
declare
  v_function regprocedure;
begin
  for v_function in select p.oid from pg_proc p where p.pronamespace = current_schema()::regnamespace and p.prosecdef loop
    execute format('alter function %s set search_path = %I, pg_temp', v_function, current_schema());
  end loop;
end
$$;

-- Reporting: views for dashboards, notebooks and warehouses. They show dollars, and nothing secret. A view is a promise: add columns at
-- its end, and never change what a column means.

-- An administrator may have made it, where this user may not.
do $$
begin
  if to_regnamespace('reporting') is null then
    create schema reporting;
    comment on schema reporting is 'Read-only views of Tally in US dollars. All days and periods are in UTC.';
  end if;
end
$$;

-- Multiplication, because a numeric product keeps every digit and a quotient does not.
create function reporting.usd(picos numeric) returns numeric
  language sql immutable parallel safe
  return picos * 0.000000000001;
comment on function reporting.usd is 'Picodollars as US dollars, exactly.';

create view reporting.daily_usage as
select
  entity, project, model, operation, (hour at time zone 'UTC')::date as day, period,
  period <> to_char(hour at time zone 'UTC', 'YYYY-MM') as is_correction,
  rate_id = 0 as is_unpriced,
  sum(requests) as requests,
  sum(input_tokens) as input_tokens,
  sum(cached_input_tokens) as cached_input_tokens,
  sum(output_tokens) as output_tokens,
  sum(reasoning_tokens) as reasoning_tokens,
  reporting.usd(sum(cost_picos)) as cost_usd,
  reporting.usd(sum(paid_burnt_picos)) as paid_credits_usd,
  reporting.usd(sum(promotional_burnt_picos)) as promotional_credits_usd,
  reporting.usd(sum(cost_picos - paid_burnt_picos - promotional_burnt_picos)) as overage_usd,
  sum_quantities(other_quantities) as other_quantities
from hourly_usage
group by entity, project, model, operation, day, period, is_correction, is_unpriced;
comment on view reporting.daily_usage is 'Usage and what it cost, by entity, project, model and the day on which it occurred.';
comment on column reporting.daily_usage.period is 'The month that charged it.';
comment on column reporting.daily_usage.is_correction is 'True where it occurred in an earlier month, which was closed: late, voided or re-rated.';
comment on column reporting.daily_usage.is_unpriced is 'True where the model has no price yet; it is charged when the price comes.';
comment on column reporting.daily_usage.input_tokens is 'Without the cached ones.';
comment on column reporting.daily_usage.reasoning_tokens is 'Among the output tokens.';
comment on column reporting.daily_usage.other_quantities is 'Of the meters that have no column here, such as cache_write and search; null where there are none.';
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
from entity_spend s
left join closed_periods c on c.entity = s.entity and c.period = s.period;
comment on view reporting.monthly_spend is 'What each entity was charged in each month, and what paid it.';
comment on column reporting.monthly_spend.overage_usd is 'What is owed for the month: the part that no credits paid.';
comment on column reporting.monthly_spend.statement_number is 'Null while the month is open.';

create view reporting.project_spend as
select entity, project, period, to_date(period, 'YYYY-MM') as month, reporting.usd(cost_picos) as cost_usd
from project_spend;
comment on view reporting.project_spend is 'What each project was charged in each month.';

create view reporting.credit_grants as
select
  id as grant_id, entity, category, priority,
  reporting.usd(amount_picos) as amount_usd,
  reporting.usd(remaining_picos) as remaining_usd,
  reporting.usd(burnt_picos) as burnt_usd,
  reporting.usd(voided_picos) as voided_usd,
  reporting.usd(expired_picos) as expired_usd,
  effective_at, expires_at, created_at, reference,
  reporting.usd(repaid_picos) as repaid_usd, frozen_at
from credit_grants;
comment on view reporting.credit_grants is 'Every grant: amount = remaining + burnt + voided + expired + repaid.';
comment on column reporting.credit_grants.repaid_usd is 'What paid a debt of the entity.';
comment on column reporting.credit_grants.frozen_at is 'Since when nobody can spend what remains; null where it is not frozen.';

create view reporting.balances as
select
  e.name as entity, e.plan,
  reporting.usd(coalesce(sum(g.remaining_picos), 0)) as credits_usd,
  reporting.usd(coalesce(sum(g.remaining_picos) filter (where g.category = 'paid'), 0)) as paid_credits_usd,
  reporting.usd(coalesce(sum(g.remaining_picos) filter (where g.category = 'promotional'), 0)) as promotional_credits_usd,
  min(g.expires_at) as next_expiry_at
from entities e
left join credit_grants g
  on g.entity = e.name and g.is_open and g.frozen_at is null
  and g.effective_at <= now() and (g.expires_at is null or g.expires_at > now())
group by e.name, e.plan;
comment on view reporting.balances is 'The credits that each entity can spend now, without what requests in flight hold.';
comment on column reporting.balances.next_expiry_at is 'When the first of these credits expire; null where none does.';

create view reporting.caps as
with spent as (
  select
    entity,
    sum(cost_picos) filter (where period = to_char(now() at time zone 'UTC', 'YYYY-MM')) as month_picos,
    sum(cost_picos) as year_picos
  from entity_spend
  where left(period, 4) = to_char(now() at time zone 'UTC', 'YYYY')
  group by entity
), caps as (
  select
    e.name as entity, null::text as project, 'monthly' as cap,
    least(case when e.monthly_cap_own then e.monthly_cap_picos else p.monthly_cap_picos end, e.spend_limit_picos) as cap_picos,
    coalesce(s.month_picos, 0) as spent_picos
  from entities e join plans p on p.name = e.plan left join spent s on s.entity = e.name
  union all
  select
    e.name, null, 'yearly',
    case when e.yearly_cap_own then e.yearly_cap_picos else p.yearly_cap_picos end,
    coalesce(s.year_picos, 0)
  from entities e join plans p on p.name = e.plan left join spent s on s.entity = e.name
  union all
  select r.entity, r.name, 'monthly', least(r.monthly_cap_picos, r.spend_limit_picos), coalesce(s.cost_picos, 0)
  from projects r
  left join project_spend s
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
from hourly_usage
group by entity, project, period, (hour at time zone 'UTC')::date, "ChargeClass", model
union all
select
  entity, project, to_date(period, 'YYYY-MM'), (hour at time zone 'UTC')::date, 'Credit',
  case when period <> to_char(hour at time zone 'UTC', 'YYYY-MM') then 'Correction' end,
  model, null, reporting.usd(-sum(promotional_burnt_picos)), reporting.usd(-sum(promotional_burnt_picos)), 'USD'
from hourly_usage
where promotional_burnt_picos <> 0
group by entity, project, period, (hour at time zone 'UTC')::date, 6, model
union all
select
  l.entity, null, to_date(l.period, 'YYYY-MM'), (l.booked_at at time zone 'UTC')::date,
  case when l.kind in ('purchase', 'refund', 'refund_debt') then 'Purchase' else 'Adjustment' end,
  case when l.kind in ('refund', 'refund_debt') and l.period <> to_char(g.created_at at time zone 'UTC', 'YYYY-MM') then 'Correction' end,
  null, null,
  reporting.usd(case when l.kind = 'purchase' then l.amount_picos when l.kind in ('refund', 'refund_debt') then -l.amount_picos else 0 end),
  reporting.usd(case
    when l.kind in ('expiry', 'void') or (l.kind = 'debt_payment' and g.category = 'paid') then l.amount_picos
    when l.kind = 'debt_payment' then -l.amount_picos
    else 0
  end),
  'USD'
from ledger_entries l
join credit_grants g on g.entity = l.entity and g.id = l.grant_id
left join ledger_entries d on d.entity = l.entity and d.id = l.corrects
where (l.kind in ('purchase', 'expiry', 'void', 'refund', 'refund_debt') and g.category = 'paid')
  or (l.kind = 'debt_payment' and (g.category = 'paid') = (d.kind = 'void_debt'));
comment on view reporting.focus is 'The sums of the FOCUS export by day and model, without its token classes, unit prices and rounding; the export itself is /v1/exports/focus.csv.';

create view reporting.intake_problems as
select
  (last_seen_at at time zone 'UTC')::date as day, 'dead letter' as problem, code, status, nullif(entity, '') as entity,
  count(*) as events
from dead_letters
group by 1, 3, 4, 5
union all
select
  (last_seen_at at time zone 'UTC')::date, 'conflict', 'other_content',
  case when reviewed_at is null then 'open' else 'reviewed' end, entity, count(*)
from usage_conflicts
group by 1, 4, entity;
comment on view reporting.intake_problems is 'Events that were not counted, by day: dead letters and contents that came under an identity counted before.';

-- The role that reads the views. Roles belong to the whole cluster, so it may exist already. If the migrating user may not create roles,
-- the views exist without it, and grafana/README.md says how to create it by hand. It has no password, so nobody can log in with it
-- until an administrator sets one.

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
  -- Another database of the cluster is being migrated at the same time, or this user may not create roles.
  when duplicate_object or unique_violation or insufficient_privilege then
    raise notice 'tally_reader was not created here: %', sqlerrm;
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

-- The role that the service works as. It owns nothing, so it cannot switch off what protects a table, and what is append only it can only
-- add to. It cannot log in: the sessions of the role that migrates take it on, or another role inherits it. A table that is added gets its
-- rights here.

do $$
begin
  if not exists (select from pg_roles where rolname = 'tally_service') then
    create role tally_service nologin;
    comment on role tally_service is 'What the service of Tally may do in its databases.';
  end if;
exception
  when duplicate_object or unique_violation or insufficient_privilege then
    raise notice 'tally_service was not created here: %', sqlerrm;
end
$$;

do $$
begin
  if not exists (select from pg_roles where rolname = current_user and rolsuper) then
    grant tally_service to current_user;
  end if;
exception
  when undefined_object or insufficient_privilege then
    raise notice 'tally_service was not granted: %', sqlerrm;
end
$$;

do $$
begin
  if not exists (select from pg_roles where rolname = 'tally_service') then
    return;
  end if;
  execute format('grant usage on schema %1$I to tally_service', current_schema());
  execute format('grant select on all tables in schema %1$I to tally_service', current_schema());
  execute format('grant usage on all sequences in schema %1$I to tally_service', current_schema());
  grant execute on function
    ensure_usage_months, erase_persons, record_usage_month, drop_usage_month, take_chain_heads, prune_audit_log
    to tally_service;
  -- Append only. What is charged late gets its rate and its payment; the rest of an event is never changed.
  grant insert on
    audit_log, closed_periods, ledger_entries, prices, rates, spend_alert_firings, usage_corrections, usage_events, usage_origins,
    usage_series
    to tally_service;
  grant update (rate_id, unpriced_meters, cost_picos, burnt_picos, burns, details, charged_at) on usage_events to tally_service;
  -- Changed, and never deleted.
  grant insert, update on
    api_keys, burn_reversals, burns, credit_grants, debts, entities, entity_spend, output_sampling, plans, project_spend,
    projects, retention_settings, usage_days
    to tally_service;
  grant update on statement_series to tally_service;
  -- Caches, and what is pruned or belongs to a person who may delete it.
  grant insert, update, delete on
    dead_letters, idempotency_keys, job_parts, jobs, output_sizes, spend_alerts, usage_conflicts, usage_daily, usage_daily_callers,
    usage_hourly, usage_identities, webhook_deliveries, webhooks, alerts, alert_states, mail_deliveries
    to tally_service;
  -- Only what nothing was ever booked for, and its keys that are revoked or expired: foreign keys refuse the others.
  grant delete on api_keys, entities, projects to tally_service;
end
$$;
