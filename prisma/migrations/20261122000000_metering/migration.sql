-- Plans, entities and projects: who pays, for what, and how much they may.

create table plans (
  name text primary key,
  monthly_cap_picos numeric(38, 0) check (monthly_cap_picos >= 0),
  yearly_cap_picos numeric(38, 0) check (yearly_cap_picos >= 0),
  overage text not null check (overage in ('blocked', 'allowed')),
  max_concurrent_requests integer check (max_concurrent_requests >= 0),
  monthly_credit_picos numeric(38, 0) not null default 0 check (monthly_credit_picos >= 0),
  version bigint not null default 0
);

create table entities (
  name text primary key,
  plan text not null references plans (name),
  monthly_cap_own boolean not null default false,
  monthly_cap_picos numeric(38, 0) check (monthly_cap_picos >= 0),
  yearly_cap_own boolean not null default false,
  yearly_cap_picos numeric(38, 0) check (yearly_cap_picos >= 0),
  overage text check (overage in ('blocked', 'allowed')),
  max_concurrent_own boolean not null default false,
  max_concurrent_requests integer check (max_concurrent_requests >= 0),
  version bigint not null default 0,
  created_at timestamptz(3) not null
);
create index entities_plan_idx on entities (plan);

create table projects (
  entity text not null references entities (name),
  name text not null,
  monthly_cap_picos numeric(38, 0) check (monthly_cap_picos >= 0),
  max_concurrent_requests integer check (max_concurrent_requests >= 0),
  created_at timestamptz(3) not null,
  primary key (entity, name)
);

-- Price versions. An absent entity is the list price, and equal to itself.

create table prices (
  id bigserial primary key,
  model text not null,
  entity text,
  effective_from timestamptz(3) not null,
  input_picos_per_token bigint not null check (input_picos_per_token between 0 and 10000000000),
  cached_input_picos_per_token bigint check (cached_input_picos_per_token between 0 and 10000000000),
  output_picos_per_token bigint not null check (output_picos_per_token between 0 and 10000000000),
  max_input_tokens integer not null check (max_input_tokens > 0),
  max_output_tokens integer not null check (max_output_tokens >= 0),
  source text not null,
  created_at timestamptz(3) not null,
  unique nulls not distinct (model, entity, effective_from)
);

-- Identities: the one place that decides whether an event is new. Hash partitions keep each index small.

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

-- Events, by month of occurrence. A month's partition is made when its first event comes.

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
  period text not null,
  input_tokens bigint not null check (input_tokens >= 0),
  cached_input_tokens bigint not null check (cached_input_tokens >= 0),
  output_tokens bigint not null check (output_tokens >= 0),
  reasoning_tokens bigint not null check (reasoning_tokens between 0 and output_tokens),
  price_id bigint not null,
  cost_picos numeric(38, 0) not null check (cost_picos >= 0),
  burnt_picos numeric(38, 0) not null check (burnt_picos between 0 and cost_picos),
  burns jsonb,
  usage_source text not null check (usage_source in ('reported', 'estimated')),
  reservation_id text,
  api_key_id text,
  user_id text,
  request_id text,
  tags jsonb,
  primary key (occurred_at, identity),
  check (price_id <> 0 or cost_picos = 0)
) partition by range (occurred_at);
create index usage_events_entity_occurred_at_idx on usage_events (entity, occurred_at);
create index usage_events_unpriced_idx on usage_events (model, occurred_at) where price_id = 0;

create function ensure_usage_partition(month timestamptz) returns void language plpgsql as $$
declare
  starts timestamp := date_trunc('month', month at time zone 'UTC');
  partition text := 'usage_events_' || to_char(starts, 'YYYY_MM');
begin
  -- Two processes may meet the first event of a month at once.
  perform pg_advisory_xact_lock(hashtext('ensure_usage_partition'));
  if to_regclass(partition) is null then
    execute format(
      'create table %I partition of usage_events for values from (%L) to (%L)',
      partition,
      starts at time zone 'UTC',
      (starts + interval '1 month') at time zone 'UTC'
    );
  end if;
end
$$;

-- Roll-ups and spend: sums of the events, kept in the events' own transaction.

create table usage_hourly (
  entity text not null,
  hour timestamptz(3) not null,
  project text not null,
  model text not null,
  operation text not null,
  period text not null,
  price_id bigint not null,
  requests bigint not null,
  input_tokens bigint not null,
  cached_input_tokens bigint not null,
  output_tokens bigint not null,
  reasoning_tokens bigint not null,
  cost_picos numeric(38, 0) not null,
  paid_burnt_picos numeric(38, 0) not null default 0,
  promotional_burnt_picos numeric(38, 0) not null default 0,
  primary key (entity, hour, project, model, operation, period, price_id)
);

create table entity_spend (
  entity text not null,
  period text not null,
  cost_picos numeric(38, 0) not null,
  burnt_picos numeric(38, 0) not null,
  overage_picos numeric(38, 0) not null,
  primary key (entity, period),
  check (cost_picos = burnt_picos + overage_picos)
);

create table project_spend (
  entity text not null,
  period text not null,
  project text not null,
  cost_picos numeric(38, 0) not null,
  primary key (entity, period, project)
);

-- Credits.

create table credit_grants (
  id text primary key,
  entity text not null references entities (name),
  category text not null check (category in ('paid', 'promotional')),
  priority smallint not null check (priority between 0 and 100),
  amount_picos numeric(38, 0) not null check (amount_picos > 0),
  remaining_picos numeric(38, 0) not null check (remaining_picos >= 0),
  burnt_picos numeric(38, 0) not null default 0 check (burnt_picos >= 0),
  voided_picos numeric(38, 0) not null default 0 check (voided_picos >= 0),
  expired_picos numeric(38, 0) not null default 0 check (expired_picos >= 0),
  effective_at timestamptz(3) not null,
  expires_at timestamptz(3) check (expires_at > effective_at),
  allowance_period text,
  reference text,
  note text,
  created_at timestamptz(3) not null,
  unique (entity, allowance_period),
  check (amount_picos = remaining_picos + burnt_picos + voided_picos + expired_picos)
);
create index credit_grants_left_idx on credit_grants (entity) where remaining_picos > 0;

create table burns (
  id bigserial primary key,
  entity text not null,
  booked_hour timestamptz(3) not null,
  period text not null,
  grant_id text references credit_grants (id),
  amount_picos numeric(38, 0) not null check (amount_picos > 0),
  posted boolean not null default false,
  unique nulls not distinct (entity, booked_hour, period, grant_id)
);
create index burns_open_idx on burns (booked_hour) where not posted;

-- The ledger. Every entry moves one amount, so the books sum to zero; an entry is never changed.

create table ledger_entries (
  id bigserial primary key,
  entity text not null,
  kind text not null,
  debit_account text not null,
  credit_account text not null check (credit_account <> debit_account),
  amount_picos numeric(38, 0) not null check (amount_picos > 0),
  grant_id text references credit_grants (id),
  period text not null,
  booked_hour timestamptz(3),
  corrects bigint references ledger_entries (id),
  reference text,
  booked_at timestamptz(3) not null
);
create index ledger_entries_entity_id_idx on ledger_entries (entity, id);
create unique index ledger_entries_posted_once_idx
  on ledger_entries (entity, booked_hour, period, grant_id) nulls not distinct
  where booked_hour is not null;

create function refuse_change() returns trigger language plpgsql as $$
begin
  raise exception '% is append only: write a correcting entry instead', tg_table_name using errcode = 'restrict_violation';
end
$$;
create trigger ledger_entries_append_only before update or delete on ledger_entries
  for each row execute function refuse_change();
create trigger ledger_entries_no_truncate before truncate on ledger_entries
  for each statement execute function refuse_change();

-- What could not be counted.

create table dead_letters (
  id text primary key,
  code text not null,
  message text not null,
  payload text not null,
  job_id text,
  entity text,
  source text,
  event_id text,
  status text not null check (status in ('open', 'replayed', 'discarded')),
  seen_count bigint not null default 1,
  first_seen_at timestamptz(3) not null,
  last_seen_at timestamptz(3) not null
);
create index dead_letters_status_last_seen_at_idx on dead_letters (status, last_seen_at);

create table usage_conflicts (
  identity uuid not null,
  other_fingerprint uuid not null,
  entity text not null,
  source text not null,
  event_id text not null,
  other_content jsonb not null,
  original_occurred_at timestamptz(3) not null,
  seen_count bigint not null default 1,
  first_seen_at timestamptz(3) not null,
  last_seen_at timestamptz(3) not null,
  primary key (identity, other_fingerprint)
);

-- Administration.

create table api_keys (
  id text primary key,
  name text not null,
  role text not null check (role in ('gateway', 'finance', 'admin')),
  entity text,
  secret_hash text not null unique,
  created_at timestamptz(3) not null,
  revoked_at timestamptz(3)
);

create table idempotency_keys (
  scope text not null,
  key text not null,
  request_hash text not null,
  status integer not null,
  body text not null,
  created_at timestamptz(3) not null,
  primary key (scope, key)
);

create table audit_log (
  id bigserial primary key,
  at timestamptz(3) not null,
  actor text not null,
  action text not null,
  entity text,
  target text,
  before jsonb,
  after jsonb
);
create index audit_log_entity_id_idx on audit_log (entity, id);
create trigger audit_log_append_only before update or delete on audit_log
  for each row execute function refuse_change();
create trigger audit_log_no_truncate before truncate on audit_log
  for each statement execute function refuse_change();
