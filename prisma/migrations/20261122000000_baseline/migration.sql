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
  constraint entities_pkey primary key (name),
  constraint entities_are_on_a_plan foreign key (plan) references plans (name),
  constraint entities_quota_mode_is_known check (quota_mode in ('off', 'shadow', 'enforce')),
  constraint entities_monthly_cap_is_not_negative check (monthly_cap_picos >= 0),
  constraint entities_yearly_cap_is_not_negative check (yearly_cap_picos >= 0),
  constraint entities_overage_is_known check (overage in ('blocked', 'allowed')),
  constraint entities_max_concurrent_is_not_negative check (max_concurrent_requests >= 0)
) with (fillfactor = 80);
create index entities_plan_idx on entities (plan);

create table projects (
  entity text not null,
  name text not null,
  monthly_cap_picos numeric(38, 0),
  max_concurrent_requests integer,
  created_at timestamptz(3) not null,
  constraint projects_pkey primary key (entity, name),
  constraint projects_belong_to_an_entity foreign key (entity) references entities (name),
  constraint projects_monthly_cap_is_not_negative check (monthly_cap_picos >= 0),
  constraint projects_max_concurrent_is_not_negative check (max_concurrent_requests >= 0)
);
create index projects_limited_idx on projects (entity)
  where monthly_cap_picos is not null or max_concurrent_requests is not null;

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

-- Metering: identities decide whether an event is new. Hash partitions keep each index small.

create table usage_identities (
  identity uuid primary key,
  fingerprint uuid not null,
  occurred_at timestamptz(3) not null,
  booked_at timestamptz(3) not null
) partition by hash (identity);
create table usage_identities_0 partition of usage_identities for values with (modulus 8, remainder 0);
create table usage_identities_1 partition of usage_identities for values with (modulus 8, remainder 1);
create table usage_identities_2 partition of usage_identities for values with (modulus 8, remainder 2);
create table usage_identities_3 partition of usage_identities for values with (modulus 8, remainder 3);
create table usage_identities_4 partition of usage_identities for values with (modulus 8, remainder 4);
create table usage_identities_5 partition of usage_identities for values with (modulus 8, remainder 5);
create table usage_identities_6 partition of usage_identities for values with (modulus 8, remainder 6);
create table usage_identities_7 partition of usage_identities for values with (modulus 8, remainder 7);

-- Rated events, partitioned by the month of occurrence. The months are made ahead.

create table usage_events (
  occurred_at timestamptz(3) not null,
  identity uuid not null,
  source text not null,
  id text not null,
  entity text not null,
  project text not null,
  model text not null,
  operation text not null,
  booked_at timestamptz(3) not null,
  -- When usage that came before its price was charged. Its burns are in that hour; all other usage is charged when it is booked.
  charged_at timestamptz(3),
  period text not null,
  input_tokens bigint not null check (input_tokens >= 0),
  cached_input_tokens bigint not null check (cached_input_tokens >= 0),
  output_tokens bigint not null check (output_tokens >= 0),
  reasoning_tokens bigint not null check (reasoning_tokens between 0 and output_tokens),
  other_quantities jsonb,
  service_tier text not null,
  -- Null where every meter with a quantity is charged.
  unpriced_meters text[],
  rate_id bigint not null,
  cost_picos numeric(38, 0) not null check (cost_picos >= 0),
  burnt_picos numeric(38, 0) not null check (burnt_picos between 0 and cost_picos),
  burns jsonb,
  usage_source text not null check (usage_source in ('reported', 'estimated')),
  reservation_id text,
  api_key_id text,
  user_id text,
  request_id text,
  tags jsonb,
  -- What few events have: region, attributes, the fields that no shape of usage knows (`unread`), and the usage that has them.
  details jsonb,
  primary key (occurred_at, identity),
  check (rate_id <> 0 or cost_picos = 0)
) partition by range (occurred_at);
create index usage_events_entity_occurred_at_idx on usage_events (entity, occurred_at);
create index usage_events_unpriced_idx on usage_events (entity, model, occurred_at) where unpriced_meters is not null;
-- The grace is 72 hours, so everything that was charged to a later period than its own is in this index.
create index usage_events_late_idx on usage_events (entity, period)
  where coalesce(charged_at, booked_at) - occurred_at > interval '72 hours';

-- Makes the months from one time to another that are missing, and returns how many. Attaching a table takes a lock of the parent that
-- neither readers nor writers block, where creating a partition in place waits for every reader and has everybody else wait behind it.
create function ensure_usage_months(first timestamptz, last timestamptz) returns integer language plpgsql as $$
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

-- Roll-ups by hour: sums of the events, kept in the events' own transaction.

create table usage_hourly (
  entity text not null,
  hour timestamptz(3) not null,
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
  paid_burnt_picos numeric(38, 0) not null default 0,
  promotional_burnt_picos numeric(38, 0) not null default 0,
  primary key (entity, hour, project, model, operation, service_tier, period, rate_id)
);
-- Exports read a period of all entities. Rows of a period lie together because they were written together, so a summary per range of
-- pages is enough, and costs next to nothing to maintain.
create index usage_hourly_period_idx on usage_hourly using brin (period) with (pages_per_range = 16, autosummarize = on);

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
  constraint usage_conflicts_pkey primary key (entity, identity, other_fingerprint),
  constraint usage_conflicts_review_has_a_reviewer check ((reviewed_at is null) = (reviewed_by is null)),
  constraint usage_conflicts_note_is_of_a_review check (reviewed_at is not null or review_note is null)
);
create index usage_conflicts_entity_last_seen_at_idx on usage_conflicts (entity, last_seen_at);

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
  constraint credit_grants_pkey primary key (entity, id),
  constraint credit_grants_belongs_to_an_entity foreign key (entity) references entities (name),
  constraint credit_grants_lot_is_of_one_grant unique (entity, lot),
  constraint credit_grants_one_allowance_a_period unique (entity, allowance_period),
  constraint credit_grants_lot_counts_from_one check (lot > 0),
  constraint credit_grants_category_is_known check (category in ('paid', 'promotional')),
  constraint credit_grants_priority_is_up_to_100 check (priority between 0 and 100),
  constraint credit_grants_amount_is_positive check (amount_picos > 0),
  constraint credit_grants_no_part_is_negative check (
    remaining_picos >= 0 and burnt_picos >= 0 and voided_picos >= 0 and expired_picos >= 0
  ),
  constraint credit_grants_amount_is_accounted_for check (
    amount_picos = remaining_picos + burnt_picos + voided_picos + expired_picos
  ),
  constraint credit_grants_expires_after_it_begins check (expires_at > effective_at)
) with (fillfactor = 70);
create index credit_grants_open_idx on credit_grants (entity) where is_open;

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
create index usage_corrections_event_idx on usage_corrections (entity, occurred_at, identity, id);
create index usage_corrections_entity_period_idx on usage_corrections (entity, period);
create trigger usage_corrections_append_only before update or delete on usage_corrections
  for each row execute function refuse_change();
create trigger usage_corrections_no_truncate before truncate on usage_corrections
  for each statement execute function refuse_change();

-- Periods: closed ones with their frozen totals. Statement numbers have no gaps, so they come from a row and not from a sequence.

create table statement_series (
  name text not null,
  last_number bigint not null,
  constraint statement_series_pkey primary key (name)
);
insert into statement_series (name, last_number) values ('statement', 0);

create table closed_periods (
  entity text not null,
  period text not null,
  number bigint not null,
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
  constraint closed_periods_pkey primary key (entity, period),
  constraint closed_periods_are_of_an_entity foreign key (entity) references entities (name),
  constraint closed_periods_number_is_given_once unique (number),
  constraint closed_periods_credits_add_up check (
    closing_picos = opening_picos + purchased_picos + promoted_picos - burnt_picos + burn_reversed_picos
      - expired_picos - voided_picos
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
  constraint usage_days_pkey primary key (entity, day)
) with (fillfactor = 80);
create index usage_days_due_idx on usage_days (day) where not rolled_up;

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

create view counted_usage as
select
  e.entity, e.occurred_at, e.project, e.model, e.operation, e.service_tier, e.user_id, e.api_key_id, e.period, e.rate_id,
  1::bigint as sign, 1::bigint as requests,
  e.input_tokens, e.cached_input_tokens, e.output_tokens, e.reasoning_tokens, e.other_quantities,
  e.cost_picos, e.burnt_picos, e.burns
from usage_events e
union all
select
  c.entity, c.occurred_at, c.project, c.model, e.operation, e.service_tier, e.user_id, e.api_key_id, c.period, v.rate_id,
  v.sign, v.requests,
  v.input_tokens, v.cached_input_tokens, v.output_tokens, v.reasoning_tokens, v.other_quantities,
  v.cost_picos, v.burnt_picos, v.burns
from usage_corrections c
join usage_events e on e.entity = c.entity and e.occurred_at = c.occurred_at and e.identity = c.identity
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

-- Quota: the recent output sizes of each model, from which holds are learned. A row counts the requests with at most `tokens_max` output
-- tokens and more than the class below has. It is a sample, halved every day; nothing is charged by it.

create table output_sizes (
  model text not null,
  tokens_max integer not null,
  requests bigint not null,
  constraint output_sizes_pkey primary key (model, tokens_max),
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

-- Few rows, and some of them for all entities: they are found by their id alone.

create table webhooks (
  id text not null,
  url text not null,
  -- Null receives the alerts of all entities.
  entity text,
  -- It signs messages, so it cannot be stored as a hash.
  secret text not null,
  created_at timestamptz(3) not null,
  -- Failed attempts since the last one that was accepted.
  failures integer not null default 0,
  -- It gets nothing before: while an attempt is in flight, and for a while after too many failures.
  next_at timestamptz(3) not null,
  constraint webhooks_pkey primary key (id)
);

create table webhook_deliveries (
  -- That the message is about, also where the webhook receives the alerts of all.
  entity text not null,
  id text not null,
  webhook_id text not null,
  payload text not null,
  status text not null,
  attempts integer not null default 0,
  next_attempt_at timestamptz(3) not null,
  last_error text,
  created_at timestamptz(3) not null,
  constraint webhook_deliveries_pkey primary key (entity, id),
  constraint webhook_deliveries_go_to_a_webhook foreign key (webhook_id) references webhooks (id) on delete cascade,
  constraint webhook_deliveries_status_is_known check (status in ('pending', 'delivered', 'failed'))
);
create index webhook_deliveries_due_idx on webhook_deliveries (webhook_id, next_attempt_at) where status = 'pending';
create index webhook_deliveries_webhook_idx on webhook_deliveries (webhook_id);

-- Access: keys, idempotency records, and the audit log.

create table api_keys (
  id text not null,
  name text not null,
  role text not null,
  entity text,
  secret_hash text not null,
  created_at timestamptz(3) not null,
  revoked_at timestamptz(3),
  constraint api_keys_pkey primary key (id),
  constraint api_keys_have_secrets_of_their_own unique (secret_hash),
  constraint api_keys_role_is_known check (role in ('gateway', 'finance', 'admin'))
);

create table idempotency_keys (
  scope text not null,
  key text not null,
  request_hash text not null,
  status integer not null,
  body text not null,
  created_at timestamptz(3) not null,
  constraint idempotency_keys_pkey primary key (scope, key)
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
  constraint audit_log_pkey primary key (id)
);
create index audit_log_entity_id_idx on audit_log (entity, id);
create trigger audit_log_append_only before update or delete on audit_log
  for each row execute function refuse_change();
create trigger audit_log_no_truncate before truncate on audit_log
  for each statement execute function refuse_change();

-- Reporting: views for dashboards, notebooks and warehouses. They show dollars, and nothing secret. A view is a promise: add columns at
-- its end, and never change what a column means.

create schema reporting;
comment on schema reporting is 'Read-only views of Tally in US dollars. All days and periods are in UTC.';

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
  public.sum_quantities(other_quantities) as other_quantities
from public.usage_hourly
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
comment on view reporting.credit_grants is 'Every grant: amount = remaining + burnt + voided + expired.';

create view reporting.balances as
select
  e.name as entity, e.plan,
  reporting.usd(coalesce(sum(g.remaining_picos), 0)) as credits_usd,
  reporting.usd(coalesce(sum(g.remaining_picos) filter (where g.category = 'paid'), 0)) as paid_credits_usd,
  reporting.usd(coalesce(sum(g.remaining_picos) filter (where g.category = 'promotional'), 0)) as promotional_credits_usd,
  min(g.expires_at) as next_expiry_at
from public.entities e
left join public.credit_grants g
  on g.entity = e.name and g.is_open
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
join public.credit_grants g on g.entity = l.entity and g.id = l.grant_id
where l.kind in ('purchase', 'expiry', 'void') and g.category = 'paid';
comment on view reporting.focus is 'The sums of the FOCUS export by day and model, without its token classes and unit prices; the export itself is /v1/exports/focus.csv.';

create view reporting.intake_problems as
select
  (last_seen_at at time zone 'UTC')::date as day, 'dead letter' as problem, code, status, nullif(entity, '') as entity,
  count(*) as events
from public.dead_letters
group by 1, 3, 4, 5
union all
select
  (last_seen_at at time zone 'UTC')::date, 'conflict', 'other_content',
  case when reviewed_at is null then 'open' else 'reviewed' end, entity, count(*)
from public.usage_conflicts
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
