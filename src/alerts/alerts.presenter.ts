/** Alerts of other kinds than spend, as they are ordered and answered. */
import { formatUsd } from '@tally/client/protocol';
import { unixSeconds } from '../domain/unix-time.js';
import { inOrder } from '../http/list-order.js';
import { presentSlice, type ListBody } from '../http/list-page.js';
import type { Undeliverable } from './alert-channel.js';
import type { AlertRow, NewAlert } from './alerts.js';
import type { Alert, AlertOrder, AlertPage, ServiceAlertOrder } from './alerts.schema.js';

export function newAlertOf(order: AlertOrder | ServiceAlertOrder): NewAlert {
  const { recipients, subject_prefix: subjectPrefix = null } = order.notification_channel;
  return {
    kind: order.kind,
    project: 'project' in order ? (order.project ?? null) : null,
    belowPicos: 'below_usd' in order ? order.below_usd : null,
    withinDays: 'within_days' in order ? order.within_days : null,
    cap: 'cap' in order ? order.cap : null,
    sharePercent: 'share_percent' in order ? order.share_percent : null,
    olderThanSeconds: 'older_than_seconds' in order ? order.older_than_seconds : null,
    recipients,
    subjectPrefix,
  };
}

export function presentOne(row: AlertRow, undeliverable: Undeliverable): Alert {
  return {
    object: 'alert',
    id: row.id,
    entity: row.entity,
    kind: row.kind,
    project: row.project,
    below_usd: row.belowPicos === null ? null : formatUsd(row.belowPicos),
    within_days: row.withinDays,
    cap: row.cap as Alert['cap'],
    share_percent: row.sharePercent,
    older_than_seconds: row.olderThanSeconds,
    notification_channel: {
      type: 'email',
      recipients: [...row.recipients],
      subject_prefix: row.subjectPrefix,
    },
    undeliverable: undeliverable(row),
    created_at: unixSeconds(row.createdAt),
  };
}

/** `rows` are all alerts of a scope, newest first. */
export function presentSome(
  rows: readonly AlertRow[],
  { order, limit, after }: AlertPage,
  undeliverable: Undeliverable,
): ListBody<Alert> {
  return presentSlice(inOrder(rows, { order, usual: 'desc' }), {
    limit,
    after,
    idOf: (row) => row.id,
    present: (row) => presentOne(row, undeliverable),
  });
}
