/** Spend alerts in OpenAI's shape, and pages of them in either direction. */
import { centsBelow } from '../domain/money.js';
import type { Undeliverable } from './alert-channel.js';
import type { SpendAlertRow } from './spend-alerts.js';
import type { DeletedSpendAlert, SpendAlert, SpendAlertPage } from './spend-alerts.schema.js';
import { presentPage, unknownCursor, type ListBody } from '../http/list-page.js';

export function presentAlert(row: SpendAlertRow, undeliverable: Undeliverable): SpendAlert {
  return {
    id: row.id,
    object: row.project === null ? 'organization.spend_alert' : 'project.spend_alert',
    threshold_amount: centsBelow(row.thresholdPicos),
    currency: 'USD',
    interval: 'month',
    notification_channel: {
      type: 'email',
      recipients: [...row.recipients],
      subject_prefix: row.subjectPrefix,
    },
    undeliverable: undeliverable(row),
  };
}

export function presentDeletedAlert(id: string, project: string | null): DeletedSpendAlert {
  const object = project === null ? 'organization.spend_alert.deleted' : 'project.spend_alert.deleted';
  return { id, object, deleted: true };
}

/** `rows` are all alerts of a scope, oldest first. A page `before` an alert ends with the alert just before it. */
export function presentAlerts(
  rows: readonly SpendAlertRow[],
  { limit, after, before, order }: SpendAlertPage,
  undeliverable: Undeliverable,
): ListBody<SpendAlert> {
  const ordered = order === 'asc' ? rows : rows.toReversed();
  const from = after === undefined ? 0 : indexOf(ordered, after, 'after') + 1;
  const to = before === undefined ? ordered.length : indexOf(ordered, before, 'before');
  const asked = ordered.slice(from, Math.max(from, to));
  const backwards = before !== undefined && after === undefined;
  const shown = backwards ? asked.slice(-limit) : asked.slice(0, limit);
  const list = presentPage(shown, {
    limit,
    idOf: (row) => row.id,
    present: (row) => presentAlert(row, undeliverable),
  });
  return { ...list, has_more: asked.length > shown.length };
}

function indexOf(rows: readonly SpendAlertRow[], id: string, param: 'after' | 'before'): number {
  const index = rows.findIndex((row) => row.id === id);
  if (index >= 0) return index;
  throw unknownCursor(param);
}
