/**
 * What alerts watch, as relations: one row for each alert whose condition is met now, with the entity that it is met of, what within it
 * (`subject`), and the figures (`facts`, picodollars as text). Each may be narrowed to one entity.
 */
import { PACE_DAYS, paceHours } from '../domain/pace.js';
import type { Tx } from '../platform/database.js';
import { Prisma } from '../platform/prisma/client.js';

export type AlertKind =
  'low_balance' | 'credits_running_out' | 'cap_share' | 'unpriced_usage' | 'unread_fields' | 'queue_late';

/** When an alert is checked, and of whom: null is everybody. */
export type Look = {
  readonly at: Date;
  readonly period: string;
  readonly year: string;
  readonly entity: string | null;
  /** How long the oldest job of the usage queues has waited. */
  readonly queueSeconds: number;
};

/** Of an entity, those with the least names. Senders choose models and fields, so there may be any number. */
const SUBJECTS_MAX = 50;
/** Fields that came in events of so many days. */
const UNREAD_DAYS = 7;

/** Nothing of an alert's condition is looked up twice for one entity; alerts that watch all do so for every entity. */
function watched(kind: AlertKind, entity: string | null): Prisma.Sql {
  const named = entity === null ? Prisma.sql`e.name is not null` : Prisma.sql`e.name = ${entity}::text`;
  return Prisma.sql`
    select a.id as alert_id, e.name as entity, a.below_picos, a.within_days, a.cap, a.share_percent, a.project
    from alerts a join entities e on e.name = a.entity
    where a.kind = ${kind}::text and ${named}
    union all
    select a.id, e.name, a.below_picos, a.within_days, a.cap, a.share_percent, a.project
    from alerts a cross join entities e
    where a.kind = ${kind}::text and a.entity is null and ${named}`;
}

/** An entity that never had credits has none that could run low. */
function credits(at: Date): Prisma.Sql {
  return Prisma.sql`
    select
      coalesce(sum(g.remaining_picos) filter (
        where g.is_open and g.frozen_at is null and g.effective_at <= greatest(${at}::timestamptz, g.created_at)
          and (g.expires_at is null or g.expires_at > ${at}::timestamptz)
      ), 0) as credits,
      count(*) as grants
    from credit_grants g where g.entity = w.entity`;
}

function lowBalance({ at, entity }: Look): Prisma.Sql {
  return Prisma.sql`
    select w.alert_id, w.entity, '' as subject, jsonb_build_object('credits', c.credits::text) as facts
    from (${watched('low_balance', entity)}) w cross join lateral (${credits(at)}) c
    where c.grants > 0 and c.credits < w.below_picos`;
}

/** Credits / (spent / 7) < days, without a division. By when usage occurred. */
function creditsRunningOut({ at, entity }: Look): Prisma.Sql {
  const { start, end } = paceHours(at);
  return Prisma.sql`
    select
      w.alert_id, w.entity, '' as subject,
      jsonb_build_object('credits', c.credits::text, 'spent', s.spent::text) as facts
    from (${watched('credits_running_out', entity)}) w
    cross join lateral (${credits(at)}) c
    cross join lateral (
      select coalesce(sum(u.cost_picos), 0) as spent from usage_hourly u
      where u.entity = w.entity and u.hour >= ${start}::timestamptz and u.hour < ${end}::timestamptz
    ) s
    where c.grants > 0 and c.credits * ${PACE_DAYS}::integer < s.spent * w.within_days`;
}

/** A share of a cap of 0 is none. The subject has the cap, so another cap is another crossing. */
function capShare({ period, year, entity }: Look): Prisma.Sql {
  return Prisma.sql`
    select
      w.alert_id, w.entity, c.period || ' ' || c.cap_picos as subject,
      jsonb_build_object('spent', c.spent_picos::text, 'cap', c.cap_picos::text, 'period', c.period) as facts
    from (${watched('cap_share', entity)}) w
    cross join lateral (
      select
        ${period}::text as period,
        least(
          case when e.monthly_cap_own then e.monthly_cap_picos else p.monthly_cap_picos end, e.spend_limit_picos
        ) as cap_picos,
        (select s.cost_picos from entity_spend s where s.entity = e.name and s.period = ${period}::text) as spent_picos
      from entities e join plans p on p.name = e.plan
      where e.name = w.entity and w.project is null and w.cap = 'monthly'
      union all
      select
        ${year}::text,
        case when e.yearly_cap_own then e.yearly_cap_picos else p.yearly_cap_picos end,
        (
          select sum(s.cost_picos) from entity_spend s
          where s.entity = e.name and left(s.period, 4) = ${year}::text
        )
      from entities e join plans p on p.name = e.plan
      where e.name = w.entity and w.project is null and w.cap = 'yearly'
      union all
      select
        ${period}::text,
        least(j.monthly_cap_picos, j.spend_limit_picos),
        (
          select s.cost_picos from project_spend s
          where s.entity = j.entity and s.project = j.name and s.period = ${period}::text
        )
      from projects j
      where j.entity = w.entity and j.name = w.project and w.cap = 'monthly'
    ) c
    where c.cap_picos > 0 and c.spent_picos * 100 >= c.cap_picos * w.share_percent`;
}

/** Entities with events that an index lists, each found by one look into it. */
function entitiesWith(events: Prisma.Sql, entity: string | null): Prisma.Sql {
  if (entity !== null) return Prisma.sql`select ${entity}::text as entity`;
  return Prisma.sql`
    with recursive names as (
      (select u.entity from usage_events u where ${events} order by u.entity limit 1)
      union all
      select (select u.entity from usage_events u where ${events} and u.entity > n.entity order by u.entity limit 1)
      from names n where n.entity is not null
    )
    select entity from names where entity is not null`;
}

const UNPRICED = Prisma.sql`u.unpriced_meters is not null`;

function unpricedUsage({ entity }: Look): Prisma.Sql {
  return Prisma.sql`
    select distinct a.id as alert_id, n.entity, s.model as subject, jsonb_build_object('model', s.model) as facts
    from (${entitiesWith(UNPRICED, entity)}) n
    join alerts a on a.kind = 'unpriced_usage' and (a.entity is null or a.entity = n.entity)
    cross join lateral (
      with recursive waiting as (
        (select u.series_id from usage_events u where ${UNPRICED} and u.entity = n.entity order by u.series_id limit 1)
        union all
        select (
          select u.series_id from usage_events u
          where ${UNPRICED} and u.entity = n.entity and u.series_id > w.series_id
          order by u.series_id limit 1
        )
        from waiting w where w.series_id is not null
      )
      select series_id from waiting where series_id is not null limit ${SUBJECTS_MAX}::integer
    ) w
    join usage_series s on s.entity = n.entity and s.id = w.series_id`;
}

const UNREAD = Prisma.sql`u.details ? 'unread'`;
const UNREAD_HASH = Prisma.sql`md5(u.details ->> 'unread')`;

/** A field that no usage of the last seven days had is read by now, or nobody sends it any more. */
function unreadFields({ at, entity }: Look): Prisma.Sql {
  return Prisma.sql`
    select distinct
      a.id as alert_id, n.entity, f.field as subject, jsonb_build_object('field', f.field) as facts
    from (${entitiesWith(UNREAD, entity)}) n
    join alerts a on a.kind = 'unread_fields' and (a.entity is null or a.entity = n.entity)
    cross join lateral (
      with recursive sets as (
        (
          select ${UNREAD_HASH} as hash from usage_events u where ${UNREAD} and u.entity = n.entity
          order by ${UNREAD_HASH} limit 1
        )
        union all
        select (
          select ${UNREAD_HASH} from usage_events u
          where ${UNREAD} and u.entity = n.entity and ${UNREAD_HASH} > s.hash
          order by ${UNREAD_HASH} limit 1
        )
        from sets s where s.hash is not null
      )
      select hash from sets where hash is not null limit ${SUBJECTS_MAX}::integer
    ) s
    cross join lateral (
      select u.details -> 'unread' as fields from usage_events u
      where ${UNREAD} and u.entity = n.entity and ${UNREAD_HASH} = s.hash
        and u.occurred_at >= ${at}::timestamptz - make_interval(days => ${UNREAD_DAYS}::integer)
      limit 1
    ) newest
    cross join lateral jsonb_array_elements_text(newest.fields) f (field)`;
}

function queueLate({ queueSeconds }: Look): Prisma.Sql {
  return Prisma.sql`
    select a.id as alert_id, '' as entity, '' as subject, jsonb_build_object('seconds', ${queueSeconds}::integer) as facts
    from alerts a
    where a.kind = 'queue_late' and a.entity is null and a.older_than_seconds < ${queueSeconds}::integer`;
}

const CONDITIONS: Readonly<Record<AlertKind, (look: Look) => Prisma.Sql>> = {
  low_balance: lowBalance,
  credits_running_out: creditsRunningOut,
  cap_share: capShare,
  unpriced_usage: unpricedUsage,
  unread_fields: unreadFields,
  queue_late: queueLate,
};

/** A page of the entities of which an alert of a kind is to fire or to be armed again, by name; '' is none. */
export async function findEntitiesChanged(
  tx: Tx,
  of: { kind: AlertKind; look: Look; after: string | null; limit: number },
): Promise<{ entity: string }[]> {
  return tx.$queryRaw<{ entity: string }[]>`
    with met as materialized (${CONDITIONS[of.kind](of.look)}), states as (
      select s.entity, s.alert_id, s.subject from alert_states s join alerts a on a.id = s.alert_id
      where a.kind = ${of.kind}::text
    )
    select distinct coalesce(m.entity, s.entity) as entity
    from met m full join states s on s.entity = m.entity and s.alert_id = m.alert_id and s.subject = m.subject
    where (m.entity is null or s.entity is null)
      and (${of.after}::text is null or coalesce(m.entity, s.entity) > ${of.after}::text)
    order by 1
    limit ${of.limit}::integer`;
}

export type Fired = {
  readonly alertId: string;
  readonly subject: string;
  readonly facts: Readonly<Record<string, string | number>>;
};

/** Checks of one entity's alerts wait for each other until the transaction ends. */
export async function lockAlertStates(tx: Tx, { entity }: { entity: string }): Promise<void> {
  await tx.$queryRaw`select pg_advisory_xact_lock(hashtextextended('alert_states ' || ${entity}::text, 0))::text`;
}

/** Marks the alerts of a kind that are met of an entity as fired, arms those again that are not, and returns what was not marked yet. Needs the lock. */
export async function fireAlerts(
  tx: Tx,
  of: { kind: AlertKind; look: Look & { entity: string }; at: Date },
): Promise<Fired[]> {
  const { kind, look, at } = of;
  return tx.$queryRaw<Fired[]>`
    with met as materialized (${CONDITIONS[kind](look)}), ended as (
      delete from alert_states s using alerts a
      where s.entity = ${look.entity}::text and a.id = s.alert_id and a.kind = ${kind}::text
        and not exists (select from met m where m.alert_id = s.alert_id and m.subject = s.subject)
    ), fired as (
      insert into alert_states (entity, alert_id, subject, fired_at)
      select m.entity, m.alert_id, m.subject, ${at}::timestamptz from met m where m.entity = ${look.entity}::text
      on conflict do nothing
      returning alert_id, subject
    )
    select m.alert_id as "alertId", m.subject, m.facts
    from fired f join met m on m.alert_id = f.alert_id and m.subject = f.subject and m.entity = ${look.entity}::text
    order by 1, 2`;
}

/** Arms an alert again, whatever it has fired about. */
export async function rearmAlert(tx: Tx, { id }: { id: string }): Promise<void> {
  await tx.$executeRaw`delete from alert_states where alert_id = ${id}::text`;
}

/** Transactions that add alerts of an entity, or with null of all, wait for each other, so a count of them stays true until the commit. */
export async function lockAlerts(tx: Tx, { entity }: { entity: string | null }): Promise<void> {
  await tx.$queryRaw`
    select pg_advisory_xact_lock(hashtextextended('alerts ' || coalesce(${entity}::text, ''), 0))::text`;
}
