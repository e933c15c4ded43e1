-- Roll-ups by day, built after the day from hours and events. They change what a report costs, never what it says: a day that is
-- not rolled up, or was counted to since, is read from its hours and events.

-- Every day on which an entity has usage.
create table usage_days (
  entity text not null,
  day timestamptz(3) not null,
  rolled_up boolean not null default false,
  -- Set by whoever builds the day's roll-ups, and taken away by whoever counts something on it meanwhile.
  build uuid,
  primary key (entity, day)
);
create index usage_days_due_idx on usage_days (day) where not rolled_up;
insert into usage_days (entity, day) select distinct entity, date_trunc('day', hour, 'UTC') from usage_hourly;

create table usage_daily (
  entity text not null,
  day timestamptz(3) not null,
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
  paid_burnt_picos numeric(38, 0) not null,
  promotional_burnt_picos numeric(38, 0) not null,
  primary key (entity, day, project, model, operation, period, price_id)
);
create index usage_daily_entity_period_idx on usage_daily (entity, period);

-- Who called: what only the events know. A row a key, with its users in arrays beside it, so that sums by key read little and those
-- by user no more than they must. A key or a user may be missing, so the place in the day is the key.
create table usage_daily_callers (
  entity text not null,
  day timestamptz(3) not null,
  place integer not null,
  project text not null,
  model text not null,
  operation text not null,
  price_id bigint not null,
  api_key_id text,
  requests bigint not null,
  input_tokens bigint not null,
  cached_input_tokens bigint not null,
  output_tokens bigint not null,
  -- Prisma calls no list "not null".
  user_ids text[] check (user_ids is not null),
  user_requests bigint[] check (cardinality(user_requests) = cardinality(user_ids)),
  user_input_tokens bigint[] check (cardinality(user_input_tokens) = cardinality(user_ids)),
  user_cached_input_tokens bigint[] check (cardinality(user_cached_input_tokens) = cardinality(user_ids)),
  user_output_tokens bigint[] check (cardinality(user_output_tokens) = cardinality(user_ids)),
  primary key (entity, day, place)
);

-- Exports read a period of everybody. Periods lie together as they were counted, so a summary of pages is enough, and costs next to
-- nothing to keep.
create index usage_hourly_period_idx on usage_hourly using brin (period) with (pages_per_range = 16, autosummarize = on);
