/** What an alert that has fired says: to programs by the event's data, and to people in words. */
import { formatUsd } from '@tally/client/protocol';
import type { AlertKind, Fired } from './alert-conditions.sql.js';
import type { AlertRow } from './alerts.js';
import type { Notice } from './notifications.js';

type Said = Pick<Notice, 'data' | 'subject' | 'sentences'>;

/** The alert, the entity that it is about, and the figures by their names. */
type Case = {
  readonly alert: AlertRow;
  readonly entity: string;
  readonly usd: (name: string) => string;
  readonly text: (name: string) => string;
};

export function noticeOf({ facts }: Fired, { alert, entity }: { alert: AlertRow; entity: string }): Notice {
  const usd = (name: string): string => formatUsd(BigInt(facts[name] ?? 0));
  const text = (name: string): string => String(facts[name]);
  const said = SAID[alert.kind]({ alert, entity, usd, text });
  return {
    type: `${alert.kind}.triggered`,
    entity,
    isForEntity: alert.entity !== null,
    data: { id: alert.id, entity: entity === '' ? null : entity, ...said.data },
    channel: alert,
    subject: said.subject,
    sentences: [...said.sentences, `This is the alert ${alert.id}.`],
  };
}

const SAID: Readonly<Record<AlertKind, (of: Case) => Said>> = {
  low_balance({ alert, entity, usd }) {
    const below = formatUsd(alert.belowPicos ?? 0n);
    const subject = `${entity} has $${usd('credits')} of credits left`;
    return {
      data: { credits_usd: usd('credits'), below_usd: below },
      subject,
      sentences: [`${subject}, which is below $${below}.`],
    };
  },
  credits_running_out({ alert, entity, usd }) {
    const days = alert.withinDays;
    return {
      data: { credits_usd: usd('credits'), spent_last_7_days_usd: usd('spent'), within_days: days },
      subject: `the credits of ${entity} last for less than ${days} days`,
      sentences: [
        `${entity} has $${usd('credits')} of credits left and spent $${usd('spent')} in the last seven days.`,
        `At this pace the credits last for less than ${days} days.`,
      ],
    };
  },
  cap_share({ alert, entity, usd, text }) {
    const { project, sharePercent, cap } = alert;
    const who = project === null ? entity : `${entity}/${project}`;
    const subject = `${who} has reached ${sharePercent}% of its ${cap} cap`;
    const money = { spent_usd: usd('spent'), cap_usd: usd('cap') };
    return {
      data: { project, period: text('period'), cap, share_percent: sharePercent, ...money },
      subject,
      sentences: [`${subject}: $${usd('spent')} of $${usd('cap')} in ${text('period')}.`],
    };
  },
  unpriced_usage({ entity, text }) {
    const subject = `usage of ${entity} waits for a price of ${text('model')}`;
    return {
      data: { model: text('model') },
      subject,
      sentences: [`${subject}.`, 'It is counted, and charged when the price is published.'],
    };
  },
  unread_fields({ entity, text }) {
    const subject = `usage of ${entity} has a field that Tally cannot read: ${text('field')}`;
    return {
      data: { field: text('field') },
      subject,
      sentences: [`${subject}.`, 'The usage is counted without it, and kept with it.'],
    };
  },
  queue_late({ alert, text }) {
    return {
      data: { oldest_seconds: Number(text('seconds')), older_than_seconds: alert.olderThanSeconds },
      subject: `the usage queue is late by ${text('seconds')} seconds`,
      sentences: [`The oldest usage that waits was reported ${text('seconds')} seconds ago.`],
    };
  },
};
