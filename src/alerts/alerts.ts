/** Alerts of other kinds than spend: an entity's own, and those of who runs the service, which watch every entity and the service. */
import { Injectable } from '@nestjs/common';
import { formatUsd } from '@tally/client/protocol';
import { Accounts } from '../accounts/accounts.js';
import { insertAuditEntry } from '../access/audit-log.js';
import { TallyError } from '../domain/errors.js';
import { randomId, type EntityName } from '../domain/ids.js';
import { Clock } from '../platform/clock.js';
import { Database, type Tx } from '../platform/database.js';
import { bigintOf, decimalOf } from '../platform/decimal-column.js';
import type { Alert } from '../platform/prisma/client.js';
import { lockAlerts, rearmAlert, type AlertKind } from './alert-conditions.sql.js';
import type { Channel } from './notifications.js';
import { requireKnown, requireKnownWhereEmpty } from '../access/known-entities.js';

/** What an alert watches; the terms that its kind does not have are null. */
export type AlertTerms = {
  readonly kind: AlertKind;
  readonly project: string | null;
  readonly belowPicos: bigint | null;
  readonly withinDays: number | null;
  readonly cap: string | null;
  readonly sharePercent: number | null;
  readonly olderThanSeconds: number | null;
};

export type AlertRow = AlertTerms &
  Channel & {
    readonly id: string;
    /** Null watches all entities, for who runs the service. */
    readonly entity: EntityName | null;
    readonly createdAt: Date;
  };

export type NewAlert = AlertTerms & Channel;

/** Of an entity, and of who runs the service: few enough to load all at once. */
const ALERTS_MAX = 100;

@Injectable()
export class Alerts {
  constructor(
    private readonly database: Database,
    private readonly clock: Clock,
    private readonly accounts: Accounts,
  ) {}

  /** Of an entity, or with null those of who runs the service; newest first. */
  async list(entity: EntityName | null, tx: Tx = this.database.reader): Promise<AlertRow[]> {
    const rows = await tx.alert.findMany({
      where: { entity },
      orderBy: [{ createdAt: 'desc' }, { id: 'desc' }],
    });
    await requireKnownWhereEmpty(tx, { entity, found: rows });
    return rows.map(toRow);
  }

  /** Throws `not_found`. */
  async get(entity: EntityName | null, id: string, tx: Tx = this.database.reader): Promise<AlertRow> {
    const row = await tx.alert.findFirst({ where: { id, entity } });
    if (row !== null) return toRow(row);
    if (entity !== null) await requireKnown(tx, entity);
    throw new TallyError('not_found', 'no such alert');
  }

  /** Those of several entities, by their ids. */
  async withIds(tx: Tx, ids: readonly string[]): Promise<AlertRow[]> {
    return (await tx.alert.findMany({ where: { id: { in: [...ids] } } })).map(toRow);
  }

  async create(
    tx: Tx,
    entity: EntityName | null,
    order: { alert: NewAlert; actor: string },
  ): Promise<AlertRow> {
    if (entity !== null) await this.accounts.require(tx, entity);
    await lockAlerts(tx, { entity });
    if ((await tx.alert.count({ where: { entity } })) >= ALERTS_MAX)
      throw new TallyError('conflict', `there are ${ALERTS_MAX} alerts already`);
    const createdAt = await this.clock.bookingTime(tx);
    const data = { id: randomId('alert'), entity, ...columnsOf(order.alert), createdAt };
    const alert = toRow(await tx.alert.create({ data }));
    await this.audit(tx, { action: 'alerts.create', actor: order.actor, before: null, after: alert });
    return alert;
  }

  /** Replaces its terms and its recipients. It is armed again. */
  async update(
    tx: Tx,
    entity: EntityName | null,
    order: { id: string; alert: NewAlert; actor: string },
  ): Promise<AlertRow> {
    await lockAlerts(tx, { entity });
    const before = await this.get(entity, order.id, tx);
    const after = toRow(await tx.alert.update({ where: { id: order.id }, data: columnsOf(order.alert) }));
    await rearmAlert(tx, { id: order.id });
    await this.audit(tx, { action: 'alerts.update', actor: order.actor, before, after });
    return after;
  }

  /** Throws `not_found`. */
  async delete(tx: Tx, entity: EntityName | null, order: { id: string; actor: string }): Promise<void> {
    await lockAlerts(tx, { entity });
    const before = await this.get(entity, order.id, tx);
    await tx.alert.delete({ where: { id: order.id } });
    await rearmAlert(tx, { id: order.id });
    await this.audit(tx, { action: 'alerts.delete', actor: order.actor, before, after: null });
  }

  private async audit(
    tx: Tx,
    change: { action: string; actor: string; before: AlertRow | null; after: AlertRow | null },
  ): Promise<void> {
    const { action, actor, before, after } = change;
    await insertAuditEntry(tx, {
      at: await this.clock.bookingTime(tx),
      actor,
      action,
      entity: (after ?? before)?.entity ?? null,
      target: (after ?? before)?.id ?? null,
      before: auditOf(before),
      after: auditOf(after),
    });
  }
}

function columnsOf(alert: NewAlert) {
  const { kind, project, withinDays, cap, sharePercent, olderThanSeconds, recipients, subjectPrefix } = alert;
  const belowPicos = alert.belowPicos === null ? null : decimalOf(alert.belowPicos);
  const terms = { kind, project, belowPicos, withinDays, cap, sharePercent, olderThanSeconds };
  return { ...terms, recipients: [...recipients], subjectPrefix };
}

function toRow(row: Alert): AlertRow {
  const belowPicos = row.belowPicos === null ? null : bigintOf(row.belowPicos);
  return { ...row, kind: row.kind as AlertKind, entity: row.entity as EntityName | null, belowPicos };
}

function auditOf(alert: AlertRow | null): Record<string, unknown> | null {
  if (alert === null) return null;
  const { kind, project, belowPicos, withinDays, cap, sharePercent, olderThanSeconds, recipients } = alert;
  const below_usd = belowPicos === null ? null : formatUsd(belowPicos);
  const terms = {
    project,
    below_usd,
    within_days: withinDays,
    cap,
    share_percent: sharePercent,
    older_than_seconds: olderThanSeconds,
  };
  const set = Object.entries(terms).filter(([, value]) => value !== null);
  return { kind, ...Object.fromEntries(set), recipients };
}
