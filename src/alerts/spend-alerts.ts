/** Spend alerts: who is notified when the month's spend of an entity or a project reaches a threshold. */
import { Injectable } from '@nestjs/common';
import { formatUsd } from '@tally/client/protocol';
import { Accounts } from '../accounts/accounts.js';
import { insertAuditEntry } from '../access/audit-log.js';
import { TallyError } from '../domain/errors.js';
import { randomId, type EntityName, type ProjectName } from '../domain/ids.js';
import { Clock } from '../platform/clock.js';
import { Database, type Tx } from '../platform/database.js';
import { bigintOf, decimalOf } from '../platform/decimal-column.js';
import type { SpendAlert } from '../platform/prisma/client.js';
import { lockSpendAlerts } from './spend-alerts.sql.js';
import { requireKnownWhereEmpty } from '../access/known-entities.js';

export type SpendAlertRow = {
  readonly id: string;
  readonly entity: EntityName;
  /** Null watches the entity as a whole. */
  readonly project: ProjectName | null;
  readonly thresholdPicos: bigint;
  readonly recipients: readonly string[];
  readonly subjectPrefix: string | null;
  readonly createdAt: Date;
};

/** More than anybody reads, and few enough to load all at once. */
const ALERTS_OF_SCOPE_MAX = 100;
/** Of an entity and all of its projects, which need not exist: their number bounds nothing. */
export const ALERTS_OF_ENTITY_MAX = 1_000;

/** Without a project, the entity as a whole. */
export type AlertScope = { readonly entity: EntityName; readonly project: ProjectName | null };

export type AlertOrder = Pick<SpendAlertRow, 'thresholdPicos' | 'recipients' | 'subjectPrefix'>;

@Injectable()
export class SpendAlerts {
  constructor(
    private readonly database: Database,
    private readonly clock: Clock,
    private readonly accounts: Accounts,
  ) {}

  /** All of a scope, oldest first. */
  async list(scope: AlertScope, tx: Tx = this.database.reader): Promise<SpendAlertRow[]> {
    const { entity, project } = scope;
    const rows = await tx.spendAlert.findMany({
      where: { entity, project },
      orderBy: [{ createdAt: 'asc' }, { id: 'asc' }],
    });
    await requireKnownWhereEmpty(tx, { entity, found: rows });
    return rows.map(toRow);
  }

  async get(scope: AlertScope, id: string): Promise<SpendAlertRow> {
    return found(await this.list(scope), id);
  }

  async create(tx: Tx, scope: AlertScope, order: AlertOrder & { actor: string }): Promise<SpendAlertRow> {
    const { actor, ...content } = order;
    const createdAt = await this.clock.bookingTime(tx);
    await this.accounts.require(tx, scope.entity);
    await lockSpendAlerts(tx, scope);
    if ((await this.list(scope, tx)).length >= ALERTS_OF_SCOPE_MAX) {
      throw new TallyError('conflict', `there are ${ALERTS_OF_SCOPE_MAX} spend alerts already`);
    }
    if ((await tx.spendAlert.count({ where: { entity: scope.entity } })) >= ALERTS_OF_ENTITY_MAX)
      throw new TallyError(
        'conflict',
        `the entity has ${ALERTS_OF_ENTITY_MAX} spend alerts, which is the most`,
      );
    const alert = { id: randomId('alert'), ...scope, ...content, createdAt };
    const { entity, project } = scope;
    await tx.spendAlert.create({ data: { id: alert.id, entity, project, ...columnsOf(content), createdAt } });
    await this.audit(tx, { action: 'spend_alerts.create', actor, before: null, after: alert });
    return alert;
  }

  /** An alert that has fired fires again in the same month once the spend crosses its new threshold. */
  async update(
    tx: Tx,
    scope: AlertScope,
    order: AlertOrder & { id: string; actor: string },
  ): Promise<SpendAlertRow> {
    const { id, actor, ...content } = order;
    await lockSpendAlerts(tx, scope);
    const before = found(await this.list(scope, tx), id);
    const after = { ...before, ...content };
    await tx.spendAlert.update({ where: keyOf(before), data: columnsOf(content) });
    await this.audit(tx, { action: 'spend_alerts.update', actor, before, after });
    return after;
  }

  async delete(tx: Tx, scope: AlertScope, { id, actor }: { id: string; actor: string }): Promise<void> {
    await lockSpendAlerts(tx, scope);
    const before = found(await this.list(scope, tx), id);
    await tx.spendAlert.delete({ where: keyOf(before) });
    await this.audit(tx, { action: 'spend_alerts.delete', actor, before, after: null });
  }

  private async audit(
    tx: Tx,
    change: {
      action: string;
      actor: string;
      before: SpendAlertRow | null;
      after: SpendAlertRow | null;
    },
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

function keyOf({ entity, id }: SpendAlertRow) {
  return { entity_id: { entity, id } };
}

function columnsOf({ thresholdPicos, recipients, subjectPrefix }: AlertOrder) {
  return { thresholdPicos: decimalOf(thresholdPicos), recipients: [...recipients], subjectPrefix };
}

function toRow(row: SpendAlert): SpendAlertRow {
  return {
    ...row,
    entity: row.entity as EntityName,
    project: row.project as ProjectName | null,
    thresholdPicos: bigintOf(row.thresholdPicos),
  };
}

function found(alerts: readonly SpendAlertRow[], id: string): SpendAlertRow {
  const alert = alerts.find((one) => one.id === id);
  if (alert === undefined) throw new TallyError('not_found', `no spend alert ${id}`);
  return alert;
}

function auditOf(alert: SpendAlertRow | null): Record<string, unknown> | null {
  if (alert === null) return null;
  const { project, recipients, thresholdPicos } = alert;
  return { project, threshold_usd: formatUsd(thresholdPicos), recipients };
}
