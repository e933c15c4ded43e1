-- Spend alerts, when they fired, and the webhooks that carry the news.

create table spend_alerts (
  id text primary key,
  entity text not null,
  -- Null watches the entity as a whole.
  project text,
  threshold_picos numeric(38, 0) not null check (threshold_picos > 0),
  -- Prisma calls no list "not null".
  recipients text[] check (recipients is not null),
  subject_prefix text,
  created_at timestamptz(3) not null
);
create index spend_alerts_scope_idx on spend_alerts (entity, project);

-- One row for each alert, month and threshold is what makes an alert fire once. It outlives the alert.

create table spend_alert_firings (
  alert_id text not null,
  period text not null,
  threshold_picos numeric(38, 0) not null,
  spent_picos numeric(38, 0) not null,
  fired_at timestamptz(3) not null,
  primary key (alert_id, period, threshold_picos)
);

create table webhooks (
  id text primary key,
  url text not null,
  -- Null hears of all entities.
  entity text,
  -- It signs, so it cannot be kept as a hash.
  secret text not null,
  created_at timestamptz(3) not null
);

create table webhook_deliveries (
  id text primary key,
  webhook_id text not null references webhooks (id) on delete cascade,
  payload text not null,
  status text not null check (status in ('pending', 'delivered', 'failed')),
  attempts integer not null default 0,
  next_attempt_at timestamptz(3) not null,
  last_error text,
  created_at timestamptz(3) not null
);
create index webhook_deliveries_due_idx on webhook_deliveries (next_attempt_at) where status = 'pending';
create index webhook_deliveries_webhook_idx on webhook_deliveries (webhook_id);
