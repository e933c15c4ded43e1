table api_keys
  column id text not null
  column name text not null
  column role text not null
  column entity text
  column secret_hash text not null
  column created_at timestamp(3) with time zone not null
  column revoked_at timestamp(3) with time zone
  constraint CHECK ((role = ANY (ARRAY['gateway'::text, 'finance'::text, 'admin'::text])))
  constraint PRIMARY KEY (id)
  constraint UNIQUE (secret_hash)
  CREATE UNIQUE INDEX api_keys_have_secrets_of_their_own ON public.api_keys USING btree (secret_hash)
  CREATE UNIQUE INDEX api_keys_pkey ON public.api_keys USING btree (id)

table audit_log
  column id bigint not null default nextval('audit_log_id_seq'::regclass)
  column at timestamp(3) with time zone not null
  column actor text not null
  column action text not null
  column entity text
  column target text
  column before jsonb
  column after jsonb
  constraint PRIMARY KEY (id)
  CREATE INDEX audit_log_entity_id_idx ON public.audit_log USING btree (entity, id)
  CREATE UNIQUE INDEX audit_log_pkey ON public.audit_log USING btree (id)
  CREATE TRIGGER audit_log_append_only BEFORE DELETE OR UPDATE ON public.audit_log FOR EACH ROW EXECUTE FUNCTION refuse_change()
  CREATE TRIGGER audit_log_no_truncate BEFORE TRUNCATE ON public.audit_log FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()

table burn_reversals
  column entity text not null
  column id bigint not null default nextval('burn_reversals_id_seq'::regclass)
  column booked_hour timestamp(3) with time zone not null
  column period text not null
  column grant_id text
  column corrected_hour timestamp(3) with time zone not null
  column corrected_period text not null
  column amount_picos numeric(38,0) not null
  column posted boolean not null default false
  constraint CHECK ((amount_picos > (0)::numeric))
  constraint CHECK ((corrected_hour <= booked_hour))
  constraint FOREIGN KEY (entity, grant_id) REFERENCES credit_grants(entity, id)
  constraint PRIMARY KEY (entity, id)
  constraint UNIQUE NULLS NOT DISTINCT (entity, booked_hour, period, grant_id, corrected_hour, corrected_period)
  CREATE INDEX burn_reversals_open_idx ON public.burn_reversals USING btree (entity, booked_hour) WHERE (NOT posted)
  CREATE UNIQUE INDEX burn_reversals_are_summed_by_hour ON public.burn_reversals USING btree (entity, booked_hour, period, grant_id, corrected_hour, corrected_period) NULLS NOT DISTINCT
  CREATE UNIQUE INDEX burn_reversals_pkey ON public.burn_reversals USING btree (entity, id)

table burns
  column entity text not null
  column id bigint not null default nextval('burns_id_seq'::regclass)
  column booked_hour timestamp(3) with time zone not null
  column period text not null
  column grant_id text
  column amount_picos numeric(38,0) not null
  column posted boolean not null default false
  constraint CHECK ((amount_picos > (0)::numeric))
  constraint FOREIGN KEY (entity, grant_id) REFERENCES credit_grants(entity, id)
  constraint PRIMARY KEY (entity, id)
  constraint UNIQUE NULLS NOT DISTINCT (entity, booked_hour, period, grant_id)
  CREATE INDEX burns_open_idx ON public.burns USING btree (entity, booked_hour) WHERE (NOT posted)
  CREATE UNIQUE INDEX burns_are_summed_by_hour ON public.burns USING btree (entity, booked_hour, period, grant_id) NULLS NOT DISTINCT
  CREATE UNIQUE INDEX burns_pkey ON public.burns USING btree (entity, id)

table closed_periods
  column entity text not null
  column period text not null
  column number bigint not null
  column closed_at timestamp(3) with time zone not null
  column opening_picos numeric(38,0) not null
  column purchased_picos numeric(38,0) not null
  column promoted_picos numeric(38,0) not null
  column burnt_picos numeric(38,0) not null
  column burn_reversed_picos numeric(38,0) not null
  column expired_picos numeric(38,0) not null
  column voided_picos numeric(38,0) not null
  column closing_picos numeric(38,0) not null
  column cost_picos numeric(38,0) not null
  column overage_picos numeric(38,0) not null
  column overage_reversed_picos numeric(38,0) not null
  constraint CHECK ((closing_picos = ((((((opening_picos + purchased_picos) + promoted_picos) - burnt_picos) + burn_reversed_picos) - expired_picos) - voided_picos)))
  constraint CHECK ((cost_picos = (((burnt_picos - burn_reversed_picos) + overage_picos) - overage_reversed_picos)))
  constraint FOREIGN KEY (entity) REFERENCES entities(name)
  constraint PRIMARY KEY (entity, period)
  constraint UNIQUE (number)
  CREATE UNIQUE INDEX closed_periods_number_is_given_once ON public.closed_periods USING btree (number)
  CREATE UNIQUE INDEX closed_periods_pkey ON public.closed_periods USING btree (entity, period)
  CREATE TRIGGER closed_periods_append_only BEFORE DELETE OR UPDATE ON public.closed_periods FOR EACH ROW EXECUTE FUNCTION refuse_change()
  CREATE TRIGGER closed_periods_no_truncate BEFORE TRUNCATE ON public.closed_periods FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()

table credit_grants
  column entity text not null
  column id text not null
  column lot integer not null
  column category text not null
  column priority smallint not null
  column amount_picos numeric(38,0) not null
  column remaining_picos numeric(38,0) not null
  column burnt_picos numeric(38,0) not null default 0
  column voided_picos numeric(38,0) not null default 0
  column expired_picos numeric(38,0) not null default 0
  column is_open boolean not null default (remaining_picos > (0)::numeric)
  column effective_at timestamp(3) with time zone not null
  column expires_at timestamp(3) with time zone
  column allowance_period text
  column reference text
  column note text
  column created_at timestamp(3) with time zone not null
  column voided_at timestamp(3) with time zone
  constraint CHECK (((priority >= 0) AND (priority <= 100)))
  constraint CHECK (((remaining_picos >= (0)::numeric) AND (burnt_picos >= (0)::numeric) AND (voided_picos >= (0)::numeric) AND (expired_picos >= (0)::numeric)))
  constraint CHECK ((amount_picos = (((remaining_picos + burnt_picos) + voided_picos) + expired_picos)))
  constraint CHECK ((amount_picos > (0)::numeric))
  constraint CHECK ((category = ANY (ARRAY['paid'::text, 'promotional'::text])))
  constraint CHECK ((expires_at > effective_at))
  constraint CHECK ((lot > 0))
  constraint FOREIGN KEY (entity) REFERENCES entities(name)
  constraint PRIMARY KEY (entity, id)
  constraint UNIQUE (entity, allowance_period)
  constraint UNIQUE (entity, lot)
  CREATE INDEX credit_grants_open_idx ON public.credit_grants USING btree (entity) WHERE is_open
  CREATE UNIQUE INDEX credit_grants_lot_is_of_one_grant ON public.credit_grants USING btree (entity, lot)
  CREATE UNIQUE INDEX credit_grants_one_allowance_a_period ON public.credit_grants USING btree (entity, allowance_period)
  CREATE UNIQUE INDEX credit_grants_pkey ON public.credit_grants USING btree (entity, id)

table dead_letters
  column entity text not null default ''::text
  column id text not null
  column code text not null
  column message text not null
  column payload text not null
  column job_id text
  column project text
  column source text
  column event_id text
  column status text not null
  column seen_count bigint not null default 1
  column first_seen_at timestamp(3) with time zone not null
  column last_seen_at timestamp(3) with time zone not null
  constraint CHECK ((status = ANY (ARRAY['open'::text, 'replayed'::text, 'discarded'::text])))
  constraint PRIMARY KEY (entity, id)
  CREATE INDEX dead_letters_entity_last_seen_at_idx ON public.dead_letters USING btree (entity, last_seen_at)
  CREATE INDEX dead_letters_status_last_seen_at_idx ON public.dead_letters USING btree (status, last_seen_at)
  CREATE UNIQUE INDEX dead_letters_pkey ON public.dead_letters USING btree (entity, id)

table entities
  column name text not null
  column plan text not null
  column quota_mode text not null default 'enforce'::text
  column monthly_cap_own boolean not null default false
  column monthly_cap_picos numeric(38,0)
  column yearly_cap_own boolean not null default false
  column yearly_cap_picos numeric(38,0)
  column overage text
  column max_concurrent_own boolean not null default false
  column max_concurrent_requests integer
  column version bigint not null default 0
  column created_at timestamp(3) with time zone not null
  constraint CHECK ((max_concurrent_requests >= 0))
  constraint CHECK ((monthly_cap_picos >= (0)::numeric))
  constraint CHECK ((overage = ANY (ARRAY['blocked'::text, 'allowed'::text])))
  constraint CHECK ((quota_mode = ANY (ARRAY['off'::text, 'shadow'::text, 'enforce'::text])))
  constraint CHECK ((yearly_cap_picos >= (0)::numeric))
  constraint FOREIGN KEY (plan) REFERENCES plans(name)
  constraint PRIMARY KEY (name)
  CREATE INDEX entities_plan_idx ON public.entities USING btree (plan)
  CREATE UNIQUE INDEX entities_pkey ON public.entities USING btree (name)

table entity_spend
  column entity text not null
  column period text not null
  column cost_picos numeric(38,0) not null
  column burnt_picos numeric(38,0) not null
  column overage_picos numeric(38,0) not null
  constraint CHECK ((cost_picos = (burnt_picos + overage_picos)))
  constraint PRIMARY KEY (entity, period)
  CREATE UNIQUE INDEX entity_spend_pkey ON public.entity_spend USING btree (entity, period)

table idempotency_keys
  column scope text not null
  column key text not null
  column request_hash text not null
  column status integer not null
  column body text not null
  column created_at timestamp(3) with time zone not null
  constraint PRIMARY KEY (scope, key)
  CREATE UNIQUE INDEX idempotency_keys_pkey ON public.idempotency_keys USING btree (scope, key)

table ledger_entries
  column entity text not null
  column id bigint not null default nextval('ledger_entries_id_seq'::regclass)
  column kind text not null
  column debit_account text not null
  column credit_account text not null
  column amount_picos numeric(38,0) not null
  column grant_id text
  column period text not null
  column booked_hour timestamp(3) with time zone
  column corrects bigint
  column reference text
  column booked_at timestamp(3) with time zone not null
  constraint CHECK ((amount_picos > (0)::numeric))
  constraint CHECK ((credit_account <> debit_account))
  constraint FOREIGN KEY (entity, corrects) REFERENCES ledger_entries(entity, id)
  constraint FOREIGN KEY (entity, grant_id) REFERENCES credit_grants(entity, id)
  constraint PRIMARY KEY (entity, id)
  CREATE INDEX ledger_entries_entity_period_idx ON public.ledger_entries USING btree (entity, period)
  CREATE UNIQUE INDEX ledger_entries_pkey ON public.ledger_entries USING btree (entity, id)
  CREATE UNIQUE INDEX ledger_entries_posted_once_idx ON public.ledger_entries USING btree (entity, booked_hour, period, grant_id, corrects) NULLS NOT DISTINCT WHERE (booked_hour IS NOT NULL)
  CREATE TRIGGER ledger_entries_append_only BEFORE DELETE OR UPDATE ON public.ledger_entries FOR EACH ROW EXECUTE FUNCTION refuse_change()
  CREATE TRIGGER ledger_entries_no_truncate BEFORE TRUNCATE ON public.ledger_entries FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()

table output_sampling
  column id smallint not null
  column sampled_until timestamp(3) with time zone not null
  constraint CHECK ((id = 1))
  constraint PRIMARY KEY (id)
  CREATE UNIQUE INDEX output_sampling_pkey ON public.output_sampling USING btree (id)

table output_sizes
  column model text not null
  column tokens_max integer not null
  column requests bigint not null
  constraint CHECK ((requests > 0))
  constraint CHECK ((tokens_max >= 0))
  constraint PRIMARY KEY (model, tokens_max)
  CREATE UNIQUE INDEX output_sizes_pkey ON public.output_sizes USING btree (model, tokens_max)

table plans
  column name text not null
  column monthly_cap_picos numeric(38,0)
  column yearly_cap_picos numeric(38,0)
  column overage text not null
  column max_concurrent_requests integer
  column monthly_credit_picos numeric(38,0) not null default 0
  column version bigint not null default 0
  constraint CHECK ((max_concurrent_requests >= 0))
  constraint CHECK ((monthly_cap_picos >= (0)::numeric))
  constraint CHECK ((monthly_credit_picos >= (0)::numeric))
  constraint CHECK ((overage = ANY (ARRAY['blocked'::text, 'allowed'::text])))
  constraint CHECK ((yearly_cap_picos >= (0)::numeric))
  constraint PRIMARY KEY (name)
  CREATE UNIQUE INDEX plans_pkey ON public.plans USING btree (name)

table prices
  column id bigint not null default nextval('prices_id_seq'::regclass)
  column model text not null
  column entity text
  column effective_from timestamp(3) with time zone not null
  column terms jsonb not null
  column meters text[]
  column first_for_meters_from timestamp(3) with time zone
  column max_input_tokens integer not null
  column max_output_tokens integer not null
  column source text not null
  column created_at timestamp(3) with time zone not null
  constraint CHECK ((max_input_tokens > 0))
  constraint CHECK ((max_output_tokens >= 0))
  constraint CHECK ((meters IS NOT NULL))
  constraint PRIMARY KEY (id)
  constraint UNIQUE NULLS NOT DISTINCT (model, entity, effective_from)
  CREATE UNIQUE INDEX prices_begin_once ON public.prices USING btree (model, entity, effective_from) NULLS NOT DISTINCT
  CREATE UNIQUE INDEX prices_pkey ON public.prices USING btree (id)
  CREATE TRIGGER prices_append_only BEFORE DELETE OR UPDATE ON public.prices FOR EACH ROW EXECUTE FUNCTION refuse_change()

table project_spend
  column entity text not null
  column period text not null
  column project text not null
  column cost_picos numeric(38,0) not null
  constraint PRIMARY KEY (entity, period, project)
  CREATE UNIQUE INDEX project_spend_pkey ON public.project_spend USING btree (entity, period, project)

table projects
  column entity text not null
  column name text not null
  column monthly_cap_picos numeric(38,0)
  column max_concurrent_requests integer
  column created_at timestamp(3) with time zone not null
  constraint CHECK ((max_concurrent_requests >= 0))
  constraint CHECK ((monthly_cap_picos >= (0)::numeric))
  constraint FOREIGN KEY (entity) REFERENCES entities(name)
  constraint PRIMARY KEY (entity, name)
  CREATE INDEX projects_limited_idx ON public.projects USING btree (entity) WHERE ((monthly_cap_picos IS NOT NULL) OR (max_concurrent_requests IS NOT NULL))
  CREATE UNIQUE INDEX projects_pkey ON public.projects USING btree (entity, name)

table rates
  column id bigint not null default nextval('rates_id_seq'::regclass)
  column price_id bigint not null
  column unit_prices jsonb not null
  constraint FOREIGN KEY (price_id) REFERENCES prices(id)
  constraint PRIMARY KEY (id)
  constraint UNIQUE (price_id, unit_prices)
  CREATE UNIQUE INDEX rates_are_kept_once ON public.rates USING btree (price_id, unit_prices)
  CREATE UNIQUE INDEX rates_pkey ON public.rates USING btree (id)
  CREATE TRIGGER rates_append_only BEFORE DELETE OR UPDATE ON public.rates FOR EACH ROW EXECUTE FUNCTION refuse_change()

table spend_alert_firings
  column entity text not null
  column alert_id text not null
  column period text not null
  column threshold_picos numeric(38,0) not null
  column spent_picos numeric(38,0) not null
  column fired_at timestamp(3) with time zone not null
  constraint PRIMARY KEY (entity, alert_id, period, threshold_picos)
  CREATE UNIQUE INDEX spend_alert_firings_pkey ON public.spend_alert_firings USING btree (entity, alert_id, period, threshold_picos)

table spend_alerts
  column entity text not null
  column id text not null
  column project text
  column threshold_picos numeric(38,0) not null
  column recipients text[]
  column subject_prefix text
  column created_at timestamp(3) with time zone not null
  constraint CHECK ((recipients IS NOT NULL))
  constraint CHECK ((threshold_picos > (0)::numeric))
  constraint PRIMARY KEY (entity, id)
  CREATE INDEX spend_alerts_scope_idx ON public.spend_alerts USING btree (entity, project)
  CREATE UNIQUE INDEX spend_alerts_pkey ON public.spend_alerts USING btree (entity, id)

table statement_series
  column name text not null
  column last_number bigint not null
  constraint PRIMARY KEY (name)
  CREATE UNIQUE INDEX statement_series_pkey ON public.statement_series USING btree (name)

table usage_conflicts
  column entity text not null
  column identity uuid not null
  column other_fingerprint uuid not null
  column source text not null
  column event_id text not null
  column other_content jsonb not null
  column original_occurred_at timestamp(3) with time zone not null
  column seen_count bigint not null default 1
  column first_seen_at timestamp(3) with time zone not null
  column last_seen_at timestamp(3) with time zone not null
  column reviewed_at timestamp(3) with time zone
  column reviewed_by text
  column review_note text
  constraint CHECK (((reviewed_at IS NOT NULL) OR (review_note IS NULL)))
  constraint CHECK (((reviewed_at IS NULL) = (reviewed_by IS NULL)))
  constraint PRIMARY KEY (entity, identity, other_fingerprint)
  CREATE INDEX usage_conflicts_entity_last_seen_at_idx ON public.usage_conflicts USING btree (entity, last_seen_at)
  CREATE UNIQUE INDEX usage_conflicts_pkey ON public.usage_conflicts USING btree (entity, identity, other_fingerprint)

table usage_corrections
  column entity text not null
  column id bigint not null default nextval('usage_corrections_id_seq'::regclass)
  column kind text not null
  column identity uuid not null
  column occurred_at timestamp(3) with time zone not null
  column project text not null
  column model text not null
  column period text not null
  column corrected_period text not null
  column requests bigint not null
  column input_tokens bigint not null
  column cached_input_tokens bigint not null
  column output_tokens bigint not null
  column reasoning_tokens bigint not null
  column other_quantities jsonb
  column old_rate_id bigint not null
  column new_rate_id bigint
  column old_cost_picos numeric(38,0) not null
  column new_cost_picos numeric(38,0) not null
  column old_burnt_picos numeric(38,0) not null
  column new_burnt_picos numeric(38,0) not null
  column old_burns jsonb
  column new_burns jsonb
  column movements jsonb not null
  column reason text not null
  column actor text not null
  column booked_at timestamp(3) with time zone not null
  constraint CHECK ((((kind = 'void'::text) AND (requests = '-1'::integer) AND (new_rate_id IS NULL) AND (new_cost_picos = (0)::numeric)) OR ((kind = 'rerate'::text) AND (requests = 0) AND (new_rate_id IS NOT NULL))))
  constraint CHECK (((new_burnt_picos >= (0)::numeric) AND (new_burnt_picos <= new_cost_picos)))
  constraint CHECK (((old_burnt_picos >= (0)::numeric) AND (old_burnt_picos <= old_cost_picos)))
  constraint CHECK (((old_cost_picos >= (0)::numeric) AND (new_cost_picos >= (0)::numeric)))
  constraint CHECK ((kind = ANY (ARRAY['void'::text, 'rerate'::text])))
  constraint PRIMARY KEY (entity, id)
  CREATE INDEX usage_corrections_entity_period_idx ON public.usage_corrections USING btree (entity, period)
  CREATE INDEX usage_corrections_event_idx ON public.usage_corrections USING btree (entity, occurred_at, identity, id)
  CREATE UNIQUE INDEX usage_corrections_pkey ON public.usage_corrections USING btree (entity, id)
  CREATE UNIQUE INDEX usage_corrections_void_once_idx ON public.usage_corrections USING btree (entity, identity) WHERE (kind = 'void'::text)
  CREATE TRIGGER usage_corrections_append_only BEFORE DELETE OR UPDATE ON public.usage_corrections FOR EACH ROW EXECUTE FUNCTION refuse_change()
  CREATE TRIGGER usage_corrections_no_truncate BEFORE TRUNCATE ON public.usage_corrections FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()

table usage_daily
  column entity text not null
  column day timestamp(3) with time zone not null
  column project text not null
  column model text not null
  column operation text not null
  column service_tier text not null
  column period text not null
  column rate_id bigint not null
  column requests bigint not null
  column input_tokens bigint not null
  column cached_input_tokens bigint not null
  column output_tokens bigint not null
  column reasoning_tokens bigint not null
  column other_quantities jsonb
  column cost_picos numeric(38,0) not null
  column paid_burnt_picos numeric(38,0) not null
  column promotional_burnt_picos numeric(38,0) not null
  constraint PRIMARY KEY (entity, day, project, model, operation, service_tier, period, rate_id)
  CREATE INDEX usage_daily_entity_period_idx ON public.usage_daily USING btree (entity, period)
  CREATE UNIQUE INDEX usage_daily_pkey ON public.usage_daily USING btree (entity, day, project, model, operation, service_tier, period, rate_id)

table usage_daily_callers
  column entity text not null
  column day timestamp(3) with time zone not null
  column place integer not null
  column project text not null
  column model text not null
  column operation text not null
  column service_tier text not null
  column rate_id bigint not null
  column api_key_id text
  column requests bigint not null
  column input_tokens bigint not null
  column cached_input_tokens bigint not null
  column output_tokens bigint not null
  column reasoning_tokens bigint not null
  column other_quantities jsonb
  column user_ids text[]
  column user_requests bigint[]
  column user_input_tokens bigint[]
  column user_cached_input_tokens bigint[]
  column user_output_tokens bigint[]
  column user_other_quantities jsonb[]
  constraint CHECK ((cardinality(user_cached_input_tokens) = cardinality(user_ids)))
  constraint CHECK ((cardinality(user_input_tokens) = cardinality(user_ids)))
  constraint CHECK ((cardinality(user_other_quantities) = cardinality(user_ids)))
  constraint CHECK ((cardinality(user_output_tokens) = cardinality(user_ids)))
  constraint CHECK ((cardinality(user_requests) = cardinality(user_ids)))
  constraint CHECK ((user_ids IS NOT NULL))
  constraint PRIMARY KEY (entity, day, place)
  CREATE UNIQUE INDEX usage_daily_callers_pkey ON public.usage_daily_callers USING btree (entity, day, place)

table usage_days
  column entity text not null
  column day timestamp(3) with time zone not null
  column rolled_up boolean not null default false
  column build uuid
  constraint PRIMARY KEY (entity, day)
  CREATE INDEX usage_days_due_idx ON public.usage_days USING btree (day) WHERE (NOT rolled_up)
  CREATE UNIQUE INDEX usage_days_pkey ON public.usage_days USING btree (entity, day)

table usage_events
  column occurred_at timestamp(3) with time zone not null
  column identity uuid not null
  column source text not null
  column id text not null
  column entity text not null
  column project text not null
  column model text not null
  column operation text not null
  column booked_at timestamp(3) with time zone not null
  column charged_at timestamp(3) with time zone
  column period text not null
  column input_tokens bigint not null
  column cached_input_tokens bigint not null
  column output_tokens bigint not null
  column reasoning_tokens bigint not null
  column other_quantities jsonb
  column service_tier text not null
  column unpriced_meters text[]
  column rate_id bigint not null
  column cost_picos numeric(38,0) not null
  column burnt_picos numeric(38,0) not null
  column burns jsonb
  column usage_source text not null
  column reservation_id text
  column api_key_id text
  column user_id text
  column request_id text
  column tags jsonb
  column details jsonb
  constraint CHECK (((burnt_picos >= (0)::numeric) AND (burnt_picos <= cost_picos)))
  constraint CHECK (((rate_id <> 0) OR (cost_picos = (0)::numeric)))
  constraint CHECK (((reasoning_tokens >= 0) AND (reasoning_tokens <= output_tokens)))
  constraint CHECK ((cached_input_tokens >= 0))
  constraint CHECK ((cost_picos >= (0)::numeric))
  constraint CHECK ((input_tokens >= 0))
  constraint CHECK ((output_tokens >= 0))
  constraint CHECK ((usage_source = ANY (ARRAY['reported'::text, 'estimated'::text])))
  constraint PRIMARY KEY (occurred_at, identity)
  CREATE INDEX usage_events_entity_occurred_at_idx ON ONLY public.usage_events USING btree (entity, occurred_at)
  CREATE INDEX usage_events_late_idx ON ONLY public.usage_events USING btree (entity, period) WHERE ((COALESCE(charged_at, booked_at) - occurred_at) > '72:00:00'::interval)
  CREATE INDEX usage_events_unpriced_idx ON ONLY public.usage_events USING btree (entity, model, occurred_at) WHERE (unpriced_meters IS NOT NULL)
  CREATE UNIQUE INDEX usage_events_pkey ON ONLY public.usage_events USING btree (occurred_at, identity)
  partition by RANGE (occurred_at)

table usage_hourly
  column entity text not null
  column hour timestamp(3) with time zone not null
  column project text not null
  column model text not null
  column operation text not null
  column service_tier text not null
  column period text not null
  column rate_id bigint not null
  column requests bigint not null
  column input_tokens bigint not null
  column cached_input_tokens bigint not null
  column output_tokens bigint not null
  column reasoning_tokens bigint not null
  column other_quantities jsonb
  column cost_picos numeric(38,0) not null
  column paid_burnt_picos numeric(38,0) not null default 0
  column promotional_burnt_picos numeric(38,0) not null default 0
  constraint PRIMARY KEY (entity, hour, project, model, operation, service_tier, period, rate_id)
  CREATE INDEX usage_hourly_period_idx ON public.usage_hourly USING brin (period) WITH (pages_per_range='16', autosummarize='on')
  CREATE UNIQUE INDEX usage_hourly_pkey ON public.usage_hourly USING btree (entity, hour, project, model, operation, service_tier, period, rate_id)

table usage_identities
  column identity uuid not null
  column fingerprint uuid not null
  column occurred_at timestamp(3) with time zone not null
  column booked_at timestamp(3) with time zone not null
  constraint PRIMARY KEY (identity)
  CREATE UNIQUE INDEX usage_identities_pkey ON ONLY public.usage_identities USING btree (identity)
  partition by HASH (identity)

table webhook_deliveries
  column entity text not null
  column id text not null
  column webhook_id text not null
  column payload text not null
  column status text not null
  column attempts integer not null default 0
  column next_attempt_at timestamp(3) with time zone not null
  column last_error text
  column created_at timestamp(3) with time zone not null
  constraint CHECK ((status = ANY (ARRAY['pending'::text, 'delivered'::text, 'failed'::text])))
  constraint FOREIGN KEY (webhook_id) REFERENCES webhooks(id) ON DELETE CASCADE
  constraint PRIMARY KEY (entity, id)
  CREATE INDEX webhook_deliveries_due_idx ON public.webhook_deliveries USING btree (webhook_id, next_attempt_at) WHERE (status = 'pending'::text)
  CREATE INDEX webhook_deliveries_webhook_idx ON public.webhook_deliveries USING btree (webhook_id)
  CREATE UNIQUE INDEX webhook_deliveries_pkey ON public.webhook_deliveries USING btree (entity, id)

table webhooks
  column id text not null
  column url text not null
  column entity text
  column secret text not null
  column created_at timestamp(3) with time zone not null
  column failures integer not null default 0
  column next_at timestamp(3) with time zone not null
  constraint PRIMARY KEY (id)
  CREATE UNIQUE INDEX webhooks_pkey ON public.webhooks USING btree (id)

view counted_usage
 SELECT e.entity,
    e.occurred_at,
    e.project,
    e.model,
    e.operation,
    e.service_tier,
    e.user_id,
    e.api_key_id,
    e.period,
    e.rate_id,
    (1)::bigint AS sign,
    (1)::bigint AS requests,
    e.input_tokens,
    e.cached_input_tokens,
    e.output_tokens,
    e.reasoning_tokens,
    e.other_quantities,
    e.cost_picos,
    e.burnt_picos,
    e.burns
   FROM usage_events e
UNION ALL
 SELECT c.entity,
    c.occurred_at,
    c.project,
    c.model,
    e.operation,
    e.service_tier,
    e.user_id,
    e.api_key_id,
    c.period,
    v.rate_id,
    v.sign,
    v.requests,
    v.input_tokens,
    v.cached_input_tokens,
    v.output_tokens,
    v.reasoning_tokens,
    v.other_quantities,
    v.cost_picos,
    v.burnt_picos,
    v.burns
   FROM ((usage_corrections c
     JOIN usage_events e ON (((e.entity = c.entity) AND (e.occurred_at = c.occurred_at) AND (e.identity = c.identity))))
     CROSS JOIN LATERAL ( VALUES ((- (1)::bigint),c.old_rate_id,
                CASE c.kind
                    WHEN 'void'::text THEN c.requests
                    ELSE (- (1)::bigint)
                END,
                CASE c.kind
                    WHEN 'void'::text THEN c.input_tokens
                    ELSE (- e.input_tokens)
                END,
                CASE c.kind
                    WHEN 'void'::text THEN c.cached_input_tokens
                    ELSE (- e.cached_input_tokens)
                END,
                CASE c.kind
                    WHEN 'void'::text THEN c.output_tokens
                    ELSE (- e.output_tokens)
                END,
                CASE c.kind
                    WHEN 'void'::text THEN c.reasoning_tokens
                    ELSE (- e.reasoning_tokens)
                END,
                CASE c.kind
                    WHEN 'void'::text THEN c.other_quantities
                    ELSE negate_quantities(e.other_quantities)
                END,(- c.old_cost_picos),(- c.old_burnt_picos),c.old_burns), ((1)::bigint,c.new_rate_id,((1)::bigint + c.requests),(e.input_tokens + c.input_tokens),(e.cached_input_tokens + c.cached_input_tokens),(e.output_tokens + c.output_tokens),(e.reasoning_tokens + c.reasoning_tokens),e.other_quantities,c.new_cost_picos,c.new_burnt_picos,c.new_burns)) v(sign, rate_id, requests, input_tokens, cached_input_tokens, output_tokens, reasoning_tokens, other_quantities, cost_picos, burnt_picos, burns))
  WHERE ((v.sign = '-1'::integer) OR (c.kind = 'rerate'::text));

view net_burns
 SELECT burns.entity,
    burns.period,
    burns.grant_id,
    burns.amount_picos
   FROM burns
UNION ALL
 SELECT burn_reversals.entity,
    burn_reversals.period,
    burn_reversals.grant_id,
    (- burn_reversals.amount_picos) AS amount_picos
   FROM burn_reversals;

CREATE OR REPLACE FUNCTION public.add_quantities(a jsonb, b jsonb)
 RETURNS jsonb
 LANGUAGE sql
 IMMUTABLE PARALLEL SAFE STRICT
RETURN (SELECT COALESCE(jsonb_object_agg(sums.key, (sums.total)::text), '{}'::jsonb) AS "coalesce" FROM (SELECT q.key, sum((q.value)::numeric) AS total FROM (SELECT jsonb_each_text.key, jsonb_each_text.value FROM jsonb_each_text(add_quantities.a) jsonb_each_text(key, value) UNION ALL SELECT jsonb_each_text.key, jsonb_each_text.value FROM jsonb_each_text(add_quantities.b) jsonb_each_text(key, value)) q GROUP BY q.key) sums WHERE (sums.total <> (0)::numeric))

CREATE OR REPLACE FUNCTION public.cost_at(unit_prices jsonb, requests numeric, input_tokens numeric, cached_input_tokens numeric, output_tokens numeric, reasoning_tokens numeric, other_quantities jsonb)
 RETURNS numeric
 LANGUAGE sql
 IMMUTABLE PARALLEL SAFE
RETURN (((((COALESCE((((unit_prices ->> 'request'::text))::numeric * requests), (0)::numeric) + COALESCE((((unit_prices ->> 'input'::text))::numeric * input_tokens), (0)::numeric)) + COALESCE((((unit_prices ->> 'cached_input'::text))::numeric * cached_input_tokens), (0)::numeric)) + COALESCE((((unit_prices ->> 'output'::text))::numeric * (output_tokens - reasoning_tokens)), (0)::numeric)) + COALESCE((((unit_prices ->> 'reasoning'::text))::numeric * reasoning_tokens), (0)::numeric)) + CASE WHEN (other_quantities IS NULL) THEN (0)::numeric ELSE (SELECT COALESCE(sum((((cost_at.unit_prices ->> jsonb_each_text.key))::numeric * (jsonb_each_text.value)::numeric)), (0)::numeric) AS "coalesce" FROM jsonb_each_text(cost_at.other_quantities) jsonb_each_text(key, value)) END)

CREATE OR REPLACE FUNCTION public.ensure_usage_months(first timestamp with time zone, last timestamp with time zone)
 RETURNS integer
 LANGUAGE plpgsql
AS $function$
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
$function$

CREATE OR REPLACE FUNCTION public.negate_quantities(a jsonb)
 RETURNS jsonb
 LANGUAGE sql
 IMMUTABLE PARALLEL SAFE STRICT
RETURN (SELECT COALESCE(jsonb_object_agg(jsonb_each_text.key, ((- (jsonb_each_text.value)::numeric))::text), '{}'::jsonb) AS "coalesce" FROM jsonb_each_text(negate_quantities.a) jsonb_each_text(key, value))

CREATE OR REPLACE FUNCTION public.other_total(a jsonb)
 RETURNS numeric
 LANGUAGE sql
 IMMUTABLE PARALLEL SAFE
RETURN CASE WHEN (a IS NULL) THEN (0)::numeric ELSE (SELECT COALESCE(sum((jsonb_each_text.value)::numeric), (0)::numeric) AS "coalesce" FROM jsonb_each_text(other_total.a) jsonb_each_text(key, value)) END

CREATE OR REPLACE FUNCTION public.quantities_of(input_tokens bigint, cached_input_tokens bigint, output_tokens bigint, reasoning_tokens bigint, other_quantities jsonb)
 RETURNS jsonb
 LANGUAGE sql
 IMMUTABLE PARALLEL SAFE
RETURN (SELECT COALESCE(jsonb_object_agg(q.meter, q.quantity), '{}'::jsonb) AS "coalesce" FROM (VALUES ('input'::text,quantities_of.input_tokens), ('cached_input'::text,quantities_of.cached_input_tokens), ('output'::text,(quantities_of.output_tokens - quantities_of.reasoning_tokens)), ('reasoning'::text,quantities_of.reasoning_tokens) UNION ALL SELECT jsonb_each_text.key, (jsonb_each_text.value)::bigint AS value FROM jsonb_each_text(COALESCE(quantities_of.other_quantities, '{}'::jsonb)) jsonb_each_text(key, value)) q(meter, quantity) WHERE (q.quantity <> 0))

CREATE OR REPLACE FUNCTION public.refuse_change()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
begin
  raise exception '% is append only: write a correcting entry instead', tg_table_name using errcode = 'restrict_violation';
end
$function$
