table alert_states
  column entity text not null
  column alert_id text not null
  column subject text not null
  column fired_at timestamp(3) with time zone not null
  constraint PRIMARY KEY (entity, alert_id, subject)
  CREATE INDEX alert_states_alert_idx ON public.alert_states USING btree (alert_id)
  CREATE UNIQUE INDEX alert_states_pkey ON public.alert_states USING btree (entity, alert_id, subject)

table alerts
  column id text not null
  column entity text
  column kind text not null
  column project text
  column below_picos numeric(38,0)
  column within_days integer
  column cap text
  column share_percent integer
  column older_than_seconds integer
  column recipients text[]
  column subject_prefix text
  column created_at timestamp(3) with time zone not null
  constraint CHECK (
CASE kind
    WHEN 'low_balance'::text THEN (below_picos > (0)::numeric)
    WHEN 'credits_running_out'::text THEN (within_days > 0)
    WHEN 'cap_share'::text THEN (((share_percent >= 1) AND (share_percent <= 100)) AND (cap = ANY (ARRAY['monthly'::text, 'yearly'::text])))
    WHEN 'queue_late'::text THEN (older_than_seconds > 0)
    ELSE (kind = ANY (ARRAY['unpriced_usage'::text, 'unread_fields'::text]))
END)
  constraint CHECK ((recipients IS NOT NULL))
  constraint PRIMARY KEY (id)
  CREATE INDEX alerts_entity_idx ON public.alerts USING btree (entity)
  CREATE UNIQUE INDEX alerts_pkey ON public.alerts USING btree (id)

table api_keys
  column id text not null
  column name text not null
  column role text not null
  column entity text
  column source text
  column secret_hash text not null
  column created_at timestamp(3) with time zone not null
  column revoked_at timestamp(3) with time zone
  column expires_at timestamp(3) with time zone
  column last_used_at timestamp(3) with time zone
  column successor text
  constraint CHECK (((role <> 'admin'::text) OR (entity IS NULL)))
  constraint CHECK (((role <> 'owner'::text) OR (entity IS NOT NULL)))
  constraint CHECK ((role = ANY (ARRAY['gateway'::text, 'finance'::text, 'owner'::text, 'admin'::text])))
  constraint PRIMARY KEY (id)
  constraint UNIQUE (secret_hash)
  CREATE INDEX api_keys_created_at_id_idx ON public.api_keys USING btree (created_at, id)
  CREATE INDEX api_keys_entity_created_at_id_idx ON public.api_keys USING btree (entity, created_at, id)
  CREATE UNIQUE INDEX api_keys_have_secrets_of_their_own ON public.api_keys USING btree (secret_hash)
  CREATE UNIQUE INDEX api_keys_pkey ON public.api_keys USING btree (id)

table audit_log
  column id bigint not null
  column at timestamp(3) with time zone not null
  column actor text not null
  column action text not null
  column entity text
  column target text
  column before jsonb
  column after jsonb
  column request_id text
  column role text
  column address text
  column hash bytea not null
  constraint PRIMARY KEY (id)
  CREATE INDEX audit_log_action_id_idx ON public.audit_log USING btree (action, id)
  CREATE INDEX audit_log_actor_id_idx ON public.audit_log USING btree (actor, id)
  CREATE INDEX audit_log_at_idx ON public.audit_log USING btree (at)
  CREATE INDEX audit_log_entity_id_idx ON public.audit_log USING btree (entity, id)
  CREATE UNIQUE INDEX audit_log_pkey ON public.audit_log USING btree (id)
  CREATE TRIGGER audit_log_append_only BEFORE UPDATE ON public.audit_log FOR EACH ROW EXECUTE FUNCTION refuse_change()
  CREATE TRIGGER audit_log_chain BEFORE INSERT ON public.audit_log FOR EACH ROW EXECUTE FUNCTION chain_entry('audit_log_id_seq')
  CREATE TRIGGER audit_log_chain_heads AFTER INSERT ON public.audit_log REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION move_chain_heads()
  CREATE TRIGGER audit_log_no_truncate BEFORE TRUNCATE ON public.audit_log FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()
  CREATE TRIGGER audit_log_only_pruned BEFORE DELETE ON public.audit_log FOR EACH ROW EXECUTE FUNCTION refuse_unless_pruned()

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

table chain_heads
  column entity text not null
  column log text not null
  column entries bigint not null default 0
  column last_id bigint not null default 0
  column hash bytea not null default '\x'::bytea
  column pruned_entries bigint not null default 0
  column pruned_id bigint not null default 0
  column pruned_hash bytea not null default '\x'::bytea
  column logged boolean not null default false
  constraint CHECK ((log = ANY (ARRAY['audit_log'::text, 'ledger_entries'::text])))
  constraint PRIMARY KEY (entity, log)
  CREATE INDEX chain_heads_to_log_idx ON public.chain_heads USING btree (entity, log) WHERE (NOT logged)
  CREATE UNIQUE INDEX chain_heads_pkey ON public.chain_heads USING btree (entity, log)

table closed_periods
  column entity text not null
  column period text not null
  column number text not null
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
  column refunded_picos numeric(38,0) not null default 0
  column repaid_picos numeric(38,0) not null default 0
  constraint CHECK ((closing_picos = ((((((((opening_picos + purchased_picos) + promoted_picos) - burnt_picos) + burn_reversed_picos) - expired_picos) - voided_picos) - refunded_picos) - repaid_picos)))
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
  column repaid_picos numeric(38,0) not null default 0
  column is_open boolean not null default (remaining_picos > (0)::numeric)
  column effective_at timestamp(3) with time zone not null
  column expires_at timestamp(3) with time zone
  column allowance_period text
  column reference text
  column note text
  column created_at timestamp(3) with time zone not null
  column voided_at timestamp(3) with time zone
  column frozen_at timestamp(3) with time zone
  constraint CHECK (((priority >= 0) AND (priority <= 100)))
  constraint CHECK (((remaining_picos >= (0)::numeric) AND (burnt_picos >= (0)::numeric) AND (voided_picos >= (0)::numeric) AND (expired_picos >= (0)::numeric) AND (repaid_picos >= (0)::numeric)))
  constraint CHECK ((amount_picos = ((((remaining_picos + burnt_picos) + voided_picos) + expired_picos) + repaid_picos)))
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
  CREATE UNIQUE INDEX credit_grants_reference_is_of_one_grant ON public.credit_grants USING btree (entity, reference) WHERE (reference IS NOT NULL)

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

table debts
  column entity text not null
  column id bigint not null
  column grant_id text not null
  column amount_picos numeric(38,0) not null
  column paid_picos numeric(38,0) not null default 0
  column is_open boolean not null default (paid_picos < amount_picos)
  constraint CHECK (((paid_picos >= (0)::numeric) AND (paid_picos <= amount_picos)))
  constraint CHECK ((amount_picos > (0)::numeric))
  constraint FOREIGN KEY (entity, grant_id) REFERENCES credit_grants(entity, id)
  constraint PRIMARY KEY (entity, id)
  CREATE INDEX debts_grant_idx ON public.debts USING btree (entity, grant_id)
  CREATE INDEX debts_open_idx ON public.debts USING btree (entity) WHERE is_open
  CREATE UNIQUE INDEX debts_pkey ON public.debts USING btree (entity, id)

table dropped_burns
  column entity text not null
  column month text not null
  column grant_id text not null
  column amount_picos numeric(38,0) not null
  constraint PRIMARY KEY (entity, month, grant_id)
  CREATE UNIQUE INDEX dropped_burns_pkey ON public.dropped_burns USING btree (entity, month, grant_id)

table dropped_events
  column entity text not null
  column month text not null
  column events bigint not null
  column corrections bigint not null
  column corrected_picos numeric(38,0) not null
  column hash bytea not null
  constraint PRIMARY KEY (entity, month)
  CREATE UNIQUE INDEX dropped_events_pkey ON public.dropped_events USING btree (entity, month)

table dropped_months
  column month text not null
  column dropped_at timestamp(3) with time zone not null
  column events bigint not null
  column cost_picos numeric(38,0) not null
  column hash bytea not null
  column last_correction bigint not null
  constraint PRIMARY KEY (month)
  CREATE UNIQUE INDEX dropped_months_pkey ON public.dropped_months USING btree (month)

table dropped_usage
  column entity text not null
  column month text not null
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
  column burnt_picos numeric(38,0) not null
  constraint PRIMARY KEY (entity, month, project, model, operation, service_tier, period, rate_id)
  CREATE UNIQUE INDEX dropped_usage_pkey ON public.dropped_usage USING btree (entity, month, project, model, operation, service_tier, period, rate_id)

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
  column spend_limit_picos numeric(38,0)
  constraint CHECK ((max_concurrent_requests >= 0))
  constraint CHECK ((monthly_cap_picos >= (0)::numeric))
  constraint CHECK ((overage = ANY (ARRAY['blocked'::text, 'allowed'::text])))
  constraint CHECK ((quota_mode = ANY (ARRAY['off'::text, 'shadow'::text, 'enforce'::text])))
  constraint CHECK ((spend_limit_picos >= (0)::numeric))
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
  column entity text
  constraint PRIMARY KEY (scope, key)
  CREATE INDEX idempotency_keys_entity_idx ON public.idempotency_keys USING btree (entity) WHERE (entity IS NOT NULL)
  CREATE UNIQUE INDEX idempotency_keys_pkey ON public.idempotency_keys USING btree (scope, key)

table job_parts
  column job_id text not null
  column part integer not null
  column content text not null
  constraint PRIMARY KEY (job_id, part)
  CREATE UNIQUE INDEX job_parts_pkey ON public.job_parts USING btree (job_id, part)

table jobs
  column id text not null
  column kind text not null
  column entity text
  column status text not null
  column progress double precision not null default 0
  column input jsonb
  column state jsonb
  column caller jsonb
  column input_hash text not null
  column result text
  column error jsonb
  column actor text not null
  column attempts integer not null default 0
  column runner uuid
  column seen_at timestamp(3) with time zone
  column created_at timestamp(3) with time zone not null
  column started_at timestamp(3) with time zone
  column finished_at timestamp(3) with time zone
  constraint CHECK ((((status = 'done'::text) = (result IS NOT NULL)) AND ((status = 'failed'::text) = (error IS NOT NULL)) AND ((status = ANY (ARRAY['done'::text, 'failed'::text])) = (finished_at IS NOT NULL))))
  constraint CHECK (((progress >= (0)::double precision) AND (progress <= (1)::double precision)))
  constraint CHECK (((status = 'running'::text) = (runner IS NOT NULL)))
  constraint CHECK ((status = ANY (ARRAY['queued'::text, 'running'::text, 'done'::text, 'failed'::text])))
  constraint PRIMARY KEY (id)
  CREATE INDEX jobs_created_at_idx ON public.jobs USING btree (created_at, id)
  CREATE INDEX jobs_failed_idx ON public.jobs USING btree (created_at) WHERE (status = 'failed'::text)
  CREATE INDEX jobs_kind_created_at_idx ON public.jobs USING btree (kind, created_at)
  CREATE INDEX jobs_unfinished_idx ON public.jobs USING btree (kind, created_at) WHERE (status = ANY (ARRAY['queued'::text, 'running'::text]))
  CREATE UNIQUE INDEX jobs_one_of_a_kind_runs_idx ON public.jobs USING btree (kind) WHERE (status = 'running'::text)
  CREATE UNIQUE INDEX jobs_pkey ON public.jobs USING btree (id)

table kept_events
  column entity text not null
  column occurred_at timestamp(3) with time zone not null
  column identity uuid not null
  column event jsonb not null
  constraint PRIMARY KEY (entity, occurred_at, identity)
  CREATE UNIQUE INDEX kept_events_pkey ON public.kept_events USING btree (entity, occurred_at, identity)

table ledger_entries
  column entity text not null
  column id bigint not null
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
  column hash bytea not null
  constraint CHECK ((amount_picos > (0)::numeric))
  constraint CHECK ((credit_account <> debit_account))
  constraint FOREIGN KEY (entity, corrects) REFERENCES ledger_entries(entity, id)
  constraint FOREIGN KEY (entity, grant_id) REFERENCES credit_grants(entity, id)
  constraint PRIMARY KEY (entity, id)
  CREATE INDEX ledger_entries_entity_period_idx ON public.ledger_entries USING btree (entity, period)
  CREATE UNIQUE INDEX ledger_entries_pkey ON public.ledger_entries USING btree (entity, id)
  CREATE UNIQUE INDEX ledger_entries_posted_once_idx ON public.ledger_entries USING btree (entity, booked_hour, period, grant_id, corrects) NULLS NOT DISTINCT WHERE (booked_hour IS NOT NULL)
  CREATE TRIGGER ledger_entries_append_only BEFORE DELETE OR UPDATE ON public.ledger_entries FOR EACH ROW EXECUTE FUNCTION refuse_change()
  CREATE TRIGGER ledger_entries_chain BEFORE INSERT ON public.ledger_entries FOR EACH ROW EXECUTE FUNCTION chain_entry('ledger_entries_id_seq')
  CREATE TRIGGER ledger_entries_chain_heads AFTER INSERT ON public.ledger_entries REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION move_chain_heads()
  CREATE TRIGGER ledger_entries_no_truncate BEFORE TRUNCATE ON public.ledger_entries FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()

table mail_deliveries
  column entity text not null
  column id text not null
  column event_id text not null
  column event_type text not null
  column recipient text not null
  column subject text not null
  column body text not null
  column status text not null
  column attempts integer not null default 0
  column next_attempt_at timestamp(3) with time zone not null
  column queued_at timestamp(3) with time zone not null
  column attempt_log jsonb not null default '[]'::jsonb
  column created_at timestamp(3) with time zone not null
  constraint CHECK ((status = ANY (ARRAY['pending'::text, 'delivered'::text, 'failed'::text])))
  constraint PRIMARY KEY (entity, id)
  CREATE INDEX mail_deliveries_created_at_idx ON public.mail_deliveries USING btree (created_at, id)
  CREATE INDEX mail_deliveries_due_idx ON public.mail_deliveries USING btree (entity, next_attempt_at) WHERE (status = 'pending'::text)
  CREATE INDEX mail_deliveries_entity_idx ON public.mail_deliveries USING btree (entity, created_at, id)
  CREATE UNIQUE INDEX mail_deliveries_pkey ON public.mail_deliveries USING btree (entity, id)

table output_sampling
  column id smallint not null
  column sampled_until timestamp(3) with time zone not null
  constraint CHECK ((id = 1))
  constraint PRIMARY KEY (id)
  CREATE UNIQUE INDEX output_sampling_pkey ON public.output_sampling USING btree (id)

table output_sizes
  column entity text not null
  column model text not null
  column tokens_max integer not null
  column requests bigint not null
  constraint CHECK ((requests > 0))
  constraint CHECK ((tokens_max >= 0))
  constraint PRIMARY KEY (entity, model, tokens_max)
  CREATE UNIQUE INDEX output_sizes_pkey ON public.output_sizes USING btree (entity, model, tokens_max)

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
  column spend_limit_picos numeric(38,0)
  constraint CHECK ((max_concurrent_requests >= 0))
  constraint CHECK ((monthly_cap_picos >= (0)::numeric))
  constraint CHECK ((spend_limit_picos >= (0)::numeric))
  constraint FOREIGN KEY (entity) REFERENCES entities(name)
  constraint PRIMARY KEY (entity, name)
  CREATE INDEX projects_limited_idx ON public.projects USING btree (entity) WHERE ((monthly_cap_picos IS NOT NULL) OR (max_concurrent_requests IS NOT NULL) OR (spend_limit_picos IS NOT NULL))
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

table retention_settings
  column kind text not null
  column months integer
  constraint CHECK ((months > 0))
  constraint PRIMARY KEY (kind)
  CREATE UNIQUE INDEX retention_settings_pkey ON public.retention_settings USING btree (kind)

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
  column prefix text not null
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
  column counted_as text
  constraint CHECK (((reviewed_at IS NOT NULL) OR (review_note IS NULL)))
  constraint CHECK (((reviewed_at IS NULL) = (reviewed_by IS NULL)))
  constraint PRIMARY KEY (entity, identity, other_fingerprint)
  CREATE INDEX usage_conflicts_entity_last_seen_at_idx ON public.usage_conflicts USING btree (entity, last_seen_at)
  CREATE INDEX usage_conflicts_open_idx ON public.usage_conflicts USING btree (last_seen_at) WHERE (reviewed_at IS NULL)
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
  CREATE INDEX usage_corrections_id_idx ON public.usage_corrections USING btree (id)
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
  column without_persons boolean not null default false
  constraint PRIMARY KEY (entity, day)
  CREATE INDEX usage_days_due_idx ON public.usage_days USING btree (day) WHERE (NOT rolled_up)
  CREATE INDEX usage_days_with_persons_idx ON public.usage_days USING btree (day, entity) WHERE (NOT without_persons)
  CREATE UNIQUE INDEX usage_days_pkey ON public.usage_days USING btree (entity, day)

table usage_events
  column entity text not null
  column occurred_at timestamp(3) with time zone not null
  column identity uuid not null
  column booked_at timestamp(3) with time zone not null
  column charged_at timestamp(3) with time zone
  column series_id integer not null
  column origin_id integer not null
  column rate_id integer not null
  column input_tokens integer not null
  column cached_input_tokens integer not null
  column output_tokens integer not null
  column reasoning_tokens integer not null
  column lot integer
  column period text not null
  column id text not null
  column cost_picos numeric(38,0) not null
  column burnt_picos numeric(38,0) not null
  column burns jsonb
  column other_quantities jsonb
  column unpriced_meters text[]
  column reservation_id text
  column user_id text
  column request_id text
  column tags jsonb
  column details jsonb
  constraint CHECK (((burnt_picos >= (0)::numeric) AND (burnt_picos <= cost_picos)))
  constraint CHECK (((rate_id <> 0) OR (cost_picos = (0)::numeric)))
  constraint CHECK ((cached_input_tokens >= 0))
  constraint CHECK ((cost_picos >= (0)::numeric))
  constraint CHECK ((input_tokens >= 0))
  constraint CHECK ((output_tokens >= 0))
  constraint CHECK ((reasoning_tokens >= 0))
  constraint PRIMARY KEY (entity, occurred_at, identity)
  CREATE INDEX usage_events_late_idx ON ONLY public.usage_events USING btree (entity, period) WHERE ((COALESCE(charged_at, booked_at) - occurred_at) > '72:00:00'::interval)
  CREATE INDEX usage_events_occurred_at_idx ON ONLY public.usage_events USING brin (occurred_at) WITH (pages_per_range='32', autosummarize='on')
  CREATE INDEX usage_events_unpriced_idx ON ONLY public.usage_events USING btree (entity, series_id, occurred_at) WHERE (unpriced_meters IS NOT NULL)
  CREATE INDEX usage_events_unread_idx ON ONLY public.usage_events USING btree (occurred_at) WHERE ((details -> 'unread'::text) IS NOT NULL)
  CREATE INDEX usage_events_unread_sets_idx ON ONLY public.usage_events USING btree (entity, md5((details ->> 'unread'::text)), occurred_at) WHERE (details ? 'unread'::text)
  CREATE UNIQUE INDEX usage_events_pkey ON ONLY public.usage_events USING btree (entity, occurred_at, identity)
  partition by RANGE (occurred_at)

table usage_hourly
  column entity text not null
  column hour timestamp(3) with time zone not null
  column series_id integer not null
  column rate_id integer not null
  column period text not null
  column requests bigint not null
  column input_tokens bigint not null
  column cached_input_tokens bigint not null
  column output_tokens bigint not null
  column reasoning_tokens bigint not null
  column other_quantities jsonb
  column cost_picos numeric(38,0) not null
  column paid_burnt_picos numeric(38,0) not null default 0
  column promotional_burnt_picos numeric(38,0) not null default 0
  constraint PRIMARY KEY (entity, hour, series_id, period, rate_id)
  CREATE INDEX usage_hourly_period_idx ON public.usage_hourly USING brin (period) WITH (pages_per_range='16', autosummarize='on')
  CREATE UNIQUE INDEX usage_hourly_pkey ON public.usage_hourly USING btree (entity, hour, series_id, period, rate_id)

table usage_identities
  column identity uuid not null
  column occurred_at timestamp(3) with time zone not null
  constraint PRIMARY KEY (identity)
  CREATE UNIQUE INDEX usage_identities_pkey ON ONLY public.usage_identities USING btree (identity)
  partition by RANGE (identity)

table usage_origins
  column entity text not null
  column id integer not null
  column source text not null
  column api_key_id text
  column usage_source text not null
  constraint CHECK ((usage_source = ANY (ARRAY['reported'::text, 'estimated'::text])))
  constraint PRIMARY KEY (entity, id)
  constraint UNIQUE NULLS NOT DISTINCT (entity, source, api_key_id, usage_source)
  CREATE UNIQUE INDEX usage_origins_is_written_once ON public.usage_origins USING btree (entity, source, api_key_id, usage_source) NULLS NOT DISTINCT
  CREATE UNIQUE INDEX usage_origins_pkey ON public.usage_origins USING btree (entity, id)

table usage_series
  column entity text not null
  column id integer not null
  column project text not null
  column model text not null
  column operation text not null
  column service_tier text not null
  constraint PRIMARY KEY (entity, id)
  constraint UNIQUE (entity, project, model, operation, service_tier)
  CREATE UNIQUE INDEX usage_series_is_written_once ON public.usage_series USING btree (entity, project, model, operation, service_tier)
  CREATE UNIQUE INDEX usage_series_pkey ON public.usage_series USING btree (entity, id)

table webhook_deliveries
  column entity text not null
  column id text not null
  column webhook_id text not null
  column event_id text not null
  column event_type text not null
  column payload text not null
  column status text not null
  column attempts integer not null default 0
  column next_attempt_at timestamp(3) with time zone not null
  column queued_at timestamp(3) with time zone not null
  column attempt_log jsonb not null default '[]'::jsonb
  column last_error text
  column created_at timestamp(3) with time zone not null
  constraint CHECK ((status = ANY (ARRAY['pending'::text, 'delivered'::text, 'failed'::text])))
  constraint FOREIGN KEY (webhook_id) REFERENCES webhooks(id) ON DELETE CASCADE
  constraint PRIMARY KEY (entity, id)
  CREATE INDEX webhook_deliveries_due_idx ON public.webhook_deliveries USING btree (webhook_id, next_attempt_at) WHERE (status = 'pending'::text)
  CREATE INDEX webhook_deliveries_webhook_idx ON public.webhook_deliveries USING btree (webhook_id, created_at, id)
  CREATE UNIQUE INDEX webhook_deliveries_pkey ON public.webhook_deliveries USING btree (entity, id)

table webhooks
  column id text not null
  column url text not null
  column entity text
  column secret text not null
  column rotated_at timestamp(3) with time zone
  column previous_secret text
  column previous_secret_until timestamp(3) with time zone
  column created_at timestamp(3) with time zone not null
  column failures integer not null default 0
  column next_at timestamp(3) with time zone not null
  constraint CHECK (((previous_secret IS NULL) = (previous_secret_until IS NULL)))
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
    e.burns,
    e.tags
   FROM rated_events e
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
    v.burns,
    e.tags
   FROM ((usage_corrections c
     JOIN rated_events e ON (((e.entity = c.entity) AND (e.occurred_at = c.occurred_at) AND (e.identity = c.identity))))
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

view hourly_usage
 SELECT u.entity,
    u.hour,
    s.project,
    s.model,
    s.operation,
    s.service_tier,
    u.period,
    (u.rate_id)::bigint AS rate_id,
    u.requests,
    u.input_tokens,
    u.cached_input_tokens,
    u.output_tokens,
    u.reasoning_tokens,
    u.other_quantities,
    u.cost_picos,
    u.paid_burnt_picos,
    u.promotional_burnt_picos
   FROM (usage_hourly u
     JOIN usage_series s ON (((s.entity = u.entity) AND (s.id = u.series_id))));

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

view rated_events
 SELECT e.entity,
    e.occurred_at,
    e.identity,
    o.source,
    e.id,
    s.project,
    s.model,
    s.operation,
    e.booked_at,
    e.charged_at,
    e.period,
    (e.input_tokens)::bigint AS input_tokens,
    (e.cached_input_tokens)::bigint AS cached_input_tokens,
    ((e.output_tokens)::bigint + e.reasoning_tokens) AS output_tokens,
    (e.reasoning_tokens)::bigint AS reasoning_tokens,
    e.other_quantities,
    s.service_tier,
    e.unpriced_meters,
    (e.rate_id)::bigint AS rate_id,
    e.cost_picos,
    e.burnt_picos,
    COALESCE(e.burns,
        CASE
            WHEN (e.lot IS NOT NULL) THEN jsonb_build_object(g.id, (e.burnt_picos)::text)
            ELSE NULL::jsonb
        END) AS burns,
    o.usage_source,
    e.reservation_id,
    o.api_key_id,
    e.user_id,
    e.request_id,
    e.tags,
    e.details
   FROM (((usage_events e
     LEFT JOIN usage_series s ON (((s.entity = e.entity) AND (s.id = e.series_id))))
     LEFT JOIN usage_origins o ON (((o.entity = e.entity) AND (o.id = e.origin_id))))
     LEFT JOIN credit_grants g ON (((g.entity = e.entity) AND (g.lot = e.lot))));

CREATE OR REPLACE FUNCTION public.add_burns(p_hour timestamp with time zone, p_entity text[], p_period text[], p_grant text[], p_amount numeric[])
 RETURNS boolean
 LANGUAGE plpgsql
 SET enable_seqscan TO 'off'
 SET plan_cache_mode TO 'force_generic_plan'
AS $function$
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
$function$

CREATE OR REPLACE FUNCTION public.add_quantities(a jsonb, b jsonb)
 RETURNS jsonb
 LANGUAGE sql
 IMMUTABLE PARALLEL SAFE STRICT
RETURN (SELECT COALESCE(jsonb_object_agg(sums.key, (sums.total)::text), '{}'::jsonb) AS "coalesce" FROM (SELECT q.key, sum((q.value)::numeric) AS total FROM (SELECT jsonb_each_text.key, jsonb_each_text.value FROM jsonb_each_text(add_quantities.a) jsonb_each_text(key, value) UNION ALL SELECT jsonb_each_text.key, jsonb_each_text.value FROM jsonb_each_text(add_quantities.b) jsonb_each_text(key, value)) q GROUP BY q.key) sums WHERE (sums.total <> (0)::numeric))

CREATE OR REPLACE FUNCTION public.add_spend(p_entity text[], p_period text[], p_project text[], p_cost numeric[], p_burnt numeric[])
 RETURNS boolean
 LANGUAGE plpgsql
 SET enable_seqscan TO 'off'
 SET plan_cache_mode TO 'force_generic_plan'
AS $function$
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
$function$

CREATE OR REPLACE FUNCTION public.add_usage_hours(p_entity text[], p_ms bigint[], p_series integer[], p_period text[], p_rate integer[], p_requests bigint[], p_input bigint[], p_cached_input bigint[], p_output bigint[], p_reasoning bigint[], p_other jsonb[], p_cost numeric[], p_paid numeric[], p_promotional numeric[])
 RETURNS void
 LANGUAGE plpgsql
 SET enable_seqscan TO 'off'
 SET plan_cache_mode TO 'force_generic_plan'
AS $function$
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
$function$

CREATE OR REPLACE FUNCTION public.audit_log_kept_at_least()
 RETURNS interval
 LANGUAGE sql
 IMMUTABLE
RETURN '30 days'::interval

CREATE OR REPLACE FUNCTION public.chain_entry()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'public', 'pg_temp'
AS $function$
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
$function$

CREATE OR REPLACE FUNCTION public.chain_hash(p_before bytea, p_entry anyelement)
 RETURNS bytea
 LANGUAGE plpgsql
 STABLE PARALLEL SAFE
 SET "TimeZone" TO 'UTC'
AS $function$
begin
  return sha256(p_before || convert_to((to_jsonb(p_entry) - 'hash')::text, 'UTF8'));
end
$function$

CREATE OR REPLACE FUNCTION public.chain_text(p_before bytea, p_text text)
 RETURNS bytea
 LANGUAGE sql
 IMMUTABLE PARALLEL SAFE
RETURN sha256((p_before || convert_to(p_text, 'UTF8'::name)))

CREATE OR REPLACE FUNCTION public.close_usage_batch(p_at timestamp with time zone, p_default_plan text, p_limited_max integer, p_entities text[], p_event_entity text, p_event_identity uuid[], p_event_ms bigint[], p_event_series integer[], p_event_origin integer[], p_event_rate integer[], p_event_period text, p_event_id text, p_event_input integer[], p_event_cached_input integer[], p_event_output integer[], p_event_reasoning integer[], p_event_other text, p_event_cost numeric[], p_event_burnt numeric[], p_event_lot integer[], p_event_burns text, p_event_unpriced text, p_event_reservation text, p_event_user text, p_event_request text, p_event_tags text, p_event_details text, p_hour_entity text[], p_hour_ms bigint[], p_hour_series integer[], p_hour_period text[], p_hour_rate integer[], p_hour_requests bigint[], p_hour_input bigint[], p_hour_cached_input bigint[], p_hour_output bigint[], p_hour_reasoning bigint[], p_hour_other jsonb[], p_hour_cost numeric[], p_hour_paid numeric[], p_hour_promotional numeric[], p_spend_entity text[], p_spend_period text[], p_spend_project text[], p_spend_cost numeric[], p_spend_burnt numeric[], p_burn_entity text[], p_burn_period text[], p_burn_grant text[], p_burn_amount numeric[])
 RETURNS text
 LANGUAGE plpgsql
 SET enable_seqscan TO 'off'
 SET plan_cache_mode TO 'force_generic_plan'
AS $function$
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
$function$

CREATE OR REPLACE FUNCTION public.cost_at(unit_prices jsonb, requests numeric, input_tokens numeric, cached_input_tokens numeric, output_tokens numeric, reasoning_tokens numeric, other_quantities jsonb)
 RETURNS numeric
 LANGUAGE sql
 IMMUTABLE PARALLEL SAFE
RETURN (((((COALESCE((((unit_prices ->> 'request'::text))::numeric * requests), (0)::numeric) + COALESCE((((unit_prices ->> 'input'::text))::numeric * input_tokens), (0)::numeric)) + COALESCE((((unit_prices ->> 'cached_input'::text))::numeric * cached_input_tokens), (0)::numeric)) + COALESCE((((unit_prices ->> 'output'::text))::numeric * (output_tokens - reasoning_tokens)), (0)::numeric)) + COALESCE((((unit_prices ->> 'reasoning'::text))::numeric * reasoning_tokens), (0)::numeric)) + CASE WHEN (other_quantities IS NULL) THEN (0)::numeric ELSE (SELECT COALESCE(sum((((cost_at.unit_prices ->> jsonb_each_text.key))::numeric * (jsonb_each_text.value)::numeric)), (0)::numeric) AS "coalesce" FROM jsonb_each_text(cost_at.other_quantities) jsonb_each_text(key, value)) END)

CREATE OR REPLACE FUNCTION public.drop_usage_month(p_month text)
 RETURNS boolean
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'public', 'pg_temp'
AS $function$
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
$function$

CREATE OR REPLACE FUNCTION public.ensure_usage_months(first timestamp with time zone, last timestamp with time zone)
 RETURNS integer
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'public', 'pg_temp'
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

CREATE OR REPLACE FUNCTION public.erase_persons(p_entity text, p_from timestamp with time zone, p_to timestamp with time zone, p_user text, p_tag text, p_value text)
 RETURNS integer
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'public', 'pg_temp'
AS $function$
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
$function$

CREATE OR REPLACE FUNCTION public.event_content(e rated_events)
 RETURNS jsonb
 LANGUAGE sql
 STABLE PARALLEL SAFE
RETURN jsonb_build_object('source', (e).source, 'id', (e).id, 'entity', (e).entity, 'project', (e).project, 'occurredAt', to_char(((e).occurred_at AT TIME ZONE 'UTC'::text), 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'::text), 'model', (e).model, 'operation', (e).operation, 'quantities', quantities_of((e).input_tokens, (e).cached_input_tokens, (e).output_tokens, (e).reasoning_tokens, (e).other_quantities), 'serviceTier', (e).service_tier, 'region', ((e).details -> 'region'::text), 'attributes', ((e).details -> 'attributes'::text), 'unread', COALESCE(((e).details -> 'unread'::text), '[]'::jsonb), 'rawUsage', ((e).details -> 'usage'::text), 'mended', COALESCE(((e).details -> 'mended'::text), '[]'::jsonb), 'usageSource', (e).usage_source, 'reservationId', (e).reservation_id, 'apiKeyId', (e).api_key_id, 'userId', (e).user_id, 'requestId', (e).request_id, 'tags', (e).tags, 'erased', COALESCE(((e).details -> 'erased'::text), 'false'::jsonb))

CREATE OR REPLACE FUNCTION public.event_line(e usage_events)
 RETURNS text
 LANGUAGE sql
 STABLE PARALLEL SAFE
RETURN (jsonb_build_array((e).identity, ((EXTRACT(epoch FROM (e).occurred_at) * (1000)::numeric))::bigint, ((EXTRACT(epoch FROM (e).booked_at) * (1000)::numeric))::bigint, ((EXTRACT(epoch FROM (e).charged_at) * (1000)::numeric))::bigint, (e).series_id, (e).origin_id, (e).rate_id, (e).input_tokens, (e).cached_input_tokens, (e).output_tokens, (e).reasoning_tokens, (e).other_quantities, (e).lot, (e).period, (e).id, (e).cost_picos, (e).burnt_picos, (e).burns))::text

CREATE OR REPLACE FUNCTION public.is_dropped(p_at timestamp with time zone)
 RETURNS boolean
 LANGUAGE sql
 STABLE PARALLEL SAFE
RETURN (EXISTS (SELECT FROM dropped_months d WHERE (d.month = to_char((is_dropped.p_at AT TIME ZONE 'UTC'::text), 'YYYY-MM'::text))))

CREATE OR REPLACE FUNCTION public.move_chain_heads()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'public', 'pg_temp'
AS $function$
begin
  update chain_heads h set entries = h.entries + a.entries, last_id = a.last_id, hash = a.hash, logged = false
  from (
    select coalesce(n.entity, '') as entity, count(*) as entries, max(n.id) as last_id, (array_agg(n.hash order by n.id desc))[1] as hash
    from added n group by n.entity
  ) a
  where h.entity = a.entity and h.log = tg_table_name;
  return null;
end
$function$

CREATE OR REPLACE FUNCTION public.negate_quantities(a jsonb)
 RETURNS jsonb
 LANGUAGE sql
 IMMUTABLE PARALLEL SAFE STRICT
RETURN (SELECT COALESCE(jsonb_object_agg(jsonb_each_text.key, ((- (jsonb_each_text.value)::numeric))::text), '{}'::jsonb) AS "coalesce" FROM jsonb_each_text(negate_quantities.a) jsonb_each_text(key, value))

CREATE OR REPLACE FUNCTION public.open_usage_batch(p_at timestamp with time zone, p_book_lock bigint, p_entities text[], p_series_entity integer[], p_series_project text[], p_series_model text[], p_series_operation text[], p_series_tier text[], p_origin_entity integer[], p_origin_source text[], p_origin_key text[], p_origin_usage_source text[], p_event_entity integer[], p_event_identity uuid[], p_event_ms bigint[])
 RETURNS text
 LANGUAGE plpgsql
 SET enable_seqscan TO 'off'
 SET plan_cache_mode TO 'force_generic_plan'
AS $function$
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
$function$

CREATE OR REPLACE FUNCTION public.other_total(a jsonb)
 RETURNS numeric
 LANGUAGE sql
 IMMUTABLE PARALLEL SAFE
RETURN CASE WHEN (a IS NULL) THEN (0)::numeric ELSE (SELECT COALESCE(sum((jsonb_each_text.value)::numeric), (0)::numeric) AS "coalesce" FROM jsonb_each_text(other_total.a) jsonb_each_text(key, value)) END

CREATE OR REPLACE FUNCTION public.prune_audit_log(p_entity text, p_before timestamp with time zone, p_limit integer)
 RETURNS integer
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'public', 'pg_temp'
AS $function$
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
$function$

CREATE OR REPLACE FUNCTION public.quantities_of(input_tokens bigint, cached_input_tokens bigint, output_tokens bigint, reasoning_tokens bigint, other_quantities jsonb)
 RETURNS jsonb
 LANGUAGE sql
 IMMUTABLE PARALLEL SAFE
RETURN (SELECT COALESCE(jsonb_object_agg(q.meter, q.quantity), '{}'::jsonb) AS "coalesce" FROM (VALUES ('input'::text,quantities_of.input_tokens), ('cached_input'::text,quantities_of.cached_input_tokens), ('output'::text,(quantities_of.output_tokens - quantities_of.reasoning_tokens)), ('reasoning'::text,quantities_of.reasoning_tokens) UNION ALL SELECT jsonb_each_text.key, (jsonb_each_text.value)::bigint AS value FROM jsonb_each_text(COALESCE(quantities_of.other_quantities, '{}'::jsonb)) jsonb_each_text(key, value)) q(meter, quantity) WHERE (q.quantity <> 0))

CREATE OR REPLACE FUNCTION public.quota_states(p_entity text[], p_project text[], p_unlimited boolean, p_limited_max integer, p_default_plan text, p_at timestamp with time zone)
 RETURNS TABLE(entity text, is_created boolean, version text, quota_mode text, overage text, monthly_cap text, yearly_cap text, max_concurrent integer, month_cost text, year_cost text, credits text, granted text, credits_change_at timestamp with time zone, has_every_limit boolean, project text, project_month_cost text, project_cap text, project_max_concurrent integer, cap_is_owners boolean, project_cap_is_owners boolean)
 LANGUAGE plpgsql
 STABLE
 SET enable_seqscan TO 'off'
 SET plan_cache_mode TO 'force_generic_plan'
AS $function$
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
$function$

CREATE OR REPLACE FUNCTION public.record_usage_month(p_month text, p_at timestamp with time zone)
 RETURNS bigint
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'public', 'pg_temp'
AS $function$
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
$function$

CREATE OR REPLACE FUNCTION public.refuse_change()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
begin
  raise exception '% is append only: write a correcting entry instead', tg_table_name using errcode = 'restrict_violation';
end
$function$

CREATE OR REPLACE FUNCTION public.refuse_unless_pruned()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
begin
  if exists (
    select from chain_heads h where h.entity = coalesce(old.entity, '') and h.log = tg_table_name and h.pruned_id >= old.id
  ) then
    return old;
  end if;
  raise exception '% is append only: entries are pruned by prune_audit_log alone', tg_table_name using errcode = 'restrict_violation';
end
$function$

CREATE OR REPLACE FUNCTION public.take_chain_heads(p_limit integer)
 RETURNS SETOF chain_heads
 LANGUAGE sql
 SECURITY DEFINER
 SET search_path TO 'public', 'pg_temp'
BEGIN ATOMIC
 UPDATE chain_heads h SET logged = true
    FROM ( SELECT n.entity,
             n.log
            FROM chain_heads n
           WHERE (NOT n.logged)
           ORDER BY n.entity, n.log
          LIMIT take_chain_heads.p_limit
          FOR NO KEY UPDATE OF n SKIP LOCKED) taken
   WHERE ((h.entity = taken.entity) AND (h.log = taken.log))
   RETURNING h.entity,
     h.log,
     h.entries,
     h.last_id,
     h.hash,
     h.pruned_entries,
     h.pruned_id,
     h.pruned_hash,
     h.logged;
END

CREATE OR REPLACE FUNCTION public.texts_of(joined text)
 RETURNS text[]
 LANGUAGE sql
 IMMUTABLE PARALLEL SAFE
RETURN CASE WHEN (joined = ''::text) THEN ARRAY[NULL::text] ELSE string_to_array(joined, ''::text, ''::text) END

CREATE OR REPLACE FUNCTION public.usage_events_kept_at_least()
 RETURNS interval
 LANGUAGE sql
 IMMUTABLE
RETURN '60 days'::interval
