/** Spend alerts: who is told when the month's spend of an entity or a project reaches a threshold. */
import { Injectable } from '@nestjs/common';
import { formatUsd } from '@tally/client/protocol';
import { TallyError } from '../domain/errors.js';
import { randomId, type EntityName, type ProjectName } from '../domain/ids.js';
import { Clock } from '../platform/clock.js';
import { insertAuditEntry } from '../access/audit-log.js';
import { Database, type Tx } from '../platform/database.js';
import {
  deleteSpendAlert,
  findSpendAlerts,
  insertSpendAlert,
  lockSpendAlerts,
  updateSpendAlert,
  type SpendAlertRow,
} from './spend-alerts.sql.js';

/** More than anybody reads, and few enough to be looked at all together. */
const ALERTS_OF_SCOPE_MAX = 100;

/** Without a project, the entity as a whole. */
export type AlertScope = { readonly entity: EntityName; readonly project: ProjectName | null };

export type AlertOrder = Pick<SpendAlertRow, 'thresholdPicos' | 'recipients' | 'subjectPrefix'>;

@Injectable()
export class SpendAlerts {
  constructor(
    private readonly database: Database,
    private readonly clock: Clock,
  ) {}

  /** All of a scope, oldest first. */
  async list(scope: AlertScope): Promise<SpendAlertRow[]> {
    return findSpendAlerts(this.database.reader, scope);
  }

  async get(scope: AlertScope, id: string): Promise<SpendAlertRow> {
    return found(await this.list(scope), id);
  }

  async create(tx: Tx, scope: AlertScope, order: AlertOrder & { actor: string }): Promise<SpendAlertRow> {
    const { actor, ...content } = order;
    const createdAt = await this.clock.bookingTime(tx);
    await lockSpendAlerts(tx, scope);
    if ((await findSpendAlerts(tx, scope)).length >= ALERTS_OF_SCOPE_MAX) {
      throw new TallyError('conflict', `there are ${ALERTS_OF_SCOPE_MAX} spend alerts already`);
    }
    const alert = { id: randomId('alert'), ...scope, ...content, createdAt };
    await insertSpendAlert(tx, alert);
    await this.audit(tx, { action: 'spend_alerts.create', actor, before: null, after: alert });
    return alert;
  }

  /** Another threshold fires anew in the same month. */
  async update(
    tx: Tx,
    scope: AlertScope,
    order: AlertOrder & { id: string; actor: string },
  ): Promise<SpendAlertRow> {
    const { id, actor, ...content } = order;
    await lockSpendAlerts(tx, scope);
    const before = found(await findSpendAlerts(tx, scope), id);
    const after = { ...before, ...content };
    await updateSpendAlert(tx, after);
    await this.audit(tx, { action: 'spend_alerts.update', actor, before, after });
    return after;
  }

  async delete(tx: Tx, scope: AlertScope, { id, actor }: { id: string; actor: string }): Promise<void> {
    await lockSpendAlerts(tx, scope);
    const before = found(await findSpendAlerts(tx, scope), id);
    await deleteSpendAlert(tx, id);
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
