-- Corrections of counted usage. The event's row stays as it was first rated; a correction says what it costs since then.

create table usage_corrections (
  id bigserial primary key,
  kind text not null check (kind in ('void', 'rerate')),
  identity uuid not null,
  occurred_at timestamptz(3) not null,
  entity text not null,
  project text not null,
  model text not null,
  -- The period that the correction is booked in, and the one that the event was charged to.
  period text not null,
  corrected_period text not null,
  -- What the correction adds to the counts: all of the event with a minus sign when it voids, else nothing.
  requests bigint not null,
  input_tokens bigint not null,
  cached_input_tokens bigint not null,
  output_tokens bigint not null,
  reasoning_tokens bigint not null,
  old_price_id bigint not null,
  new_price_id bigint,
  old_cost_picos numeric(38, 0) not null check (old_cost_picos >= 0),
  new_cost_picos numeric(38, 0) not null check (new_cost_picos >= 0),
  old_burnt_picos numeric(38, 0) not null check (old_burnt_picos between 0 and old_cost_picos),
  new_burnt_picos numeric(38, 0) not null check (new_burnt_picos between 0 and new_cost_picos),
  old_burns jsonb,
  new_burns jsonb,
  -- What moved, by grant (null: overage), hour and period of booking: plus is burnt, minus is given back.
  movements jsonb not null,
  reason text not null,
  actor text not null,
  booked_at timestamptz(3) not null,
  check (
    (kind = 'void' and requests = -1 and new_price_id is null and new_cost_picos = 0)
    or (kind = 'rerate' and requests = 0 and new_price_id is not null)
  )
);
create unique index usage_corrections_void_once_idx on usage_corrections (identity) where kind = 'void';
create index usage_corrections_identity_idx on usage_corrections (identity, id);
create index usage_corrections_entity_period_idx on usage_corrections (entity, period);
create trigger usage_corrections_append_only before update or delete on usage_corrections
  for each row execute function refuse_change();
create trigger usage_corrections_no_truncate before truncate on usage_corrections
  for each statement execute function refuse_change();

-- When usage without a price was charged. Its burns are in that hour; all other usage is charged when it is booked.
alter table usage_events add column charged_at timestamptz(3);

-- The grace is 72 hours, so whatever was charged to a later period than its own lies in here.
create index usage_events_late_idx on usage_events (entity, period)
  where coalesce(charged_at, booked_at) - occurred_at > interval '72 hours';

-- Credits that come back to a voided lot are void as well, also where nothing was left of it when it was voided.
alter table credit_grants add column voided_at timestamptz(3);

-- What corrections gave back in an hour of booking, posted to the ledger when the hour has closed. It names the burn that
-- it corrects by that burn's own hour and period: by then the ledger holds it.

create table burn_reversals (
  id bigserial primary key,
  entity text not null,
  booked_hour timestamptz(3) not null,
  period text not null,
  grant_id text references credit_grants (id),
  corrected_hour timestamptz(3) not null,
  corrected_period text not null,
  amount_picos numeric(38, 0) not null check (amount_picos > 0),
  posted boolean not null default false,
  unique nulls not distinct (entity, booked_hour, period, grant_id, corrected_hour, corrected_period),
  check (corrected_hour <= booked_hour)
);
create index burn_reversals_open_idx on burn_reversals (booked_hour) where not posted;

drop index ledger_entries_posted_once_idx;
create unique index ledger_entries_posted_once_idx
  on ledger_entries (entity, booked_hour, period, grant_id, corrects) nulls not distinct
  where booked_hour is not null;
create index ledger_entries_entity_period_idx on ledger_entries (entity, period);

-- Closed periods: the head of a statement, frozen. Numbers have no gaps, so they come from a row and not from a sequence.

create table statement_series (
  name text primary key,
  last_number bigint not null
);
insert into statement_series (name, last_number) values ('statement', 0);

create table closed_periods (
  entity text not null references entities (name),
  period text not null,
  number bigint not null unique,
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
  primary key (entity, period),
  check (
    closing_picos = opening_picos + purchased_picos + promoted_picos - burnt_picos + burn_reversed_picos
      - expired_picos - voided_picos
  ),
  check (cost_picos = burnt_picos - burn_reversed_picos + overage_picos - overage_reversed_picos)
);
create trigger closed_periods_append_only before update or delete on closed_periods
  for each row execute function refuse_change();
create trigger closed_periods_no_truncate before truncate on closed_periods
  for each statement execute function refuse_change();
