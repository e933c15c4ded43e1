/** For how many months what is not money is kept. Money is kept for ever: events' amounts, roll-ups, ledger, corrections, prices, statements. */
import { Injectable } from '@nestjs/common';
import { insertAuditEntry } from '../access/audit-log.js';
import { Clock } from '../platform/clock.js';
import { Database, type Tx } from '../platform/database.js';

/** Null is for ever. */
export type Retention = Readonly<Record<RetentionKind, number | null>>;

export const RETENTION = {
  events: {
    months: null,
    // What is younger may still come late, be corrected, and be sent again.
    minMonths: 3,
    what: 'Usage events one by one. Their sums, statements and corrections stay for ever',
    afterwards: 'the events of a closed month go together, once nothing waits for them',
  },
  personal_data: {
    months: 13,
    // What is younger may still be corrected, and compared with what comes again.
    minMonths: 3,
    what: 'Users, requests, tags and raw usage of events, and the users of roll-ups',
    afterwards: 'taken out; amounts and counts stay',
  },
  audit_log: {
    months: null,
    // Entries of the last 30 days stay in any case.
    minMonths: 2,
    what: 'The audit log',
    afterwards: 'the oldest entries of each chain are deleted',
  },
  dead_letters: {
    months: 13,
    minMonths: 1,
    what: 'Dead letters with what was sent, since they arrived last, whatever their status',
    afterwards: 'deleted',
  },
  conflicts: {
    months: 13,
    minMonths: 1,
    what: 'Conflicts with the other content, since they arrived last',
    afterwards: 'deleted',
  },
  jobs: { months: 3, minMonths: 1, what: 'Jobs with their results, since they ended', afterwards: 'deleted' },
  webhook_deliveries: {
    months: 1,
    minMonths: 1,
    what: 'Deliveries to webhooks with what was sent',
    afterwards: 'deleted',
  },
  mail_deliveries: {
    months: 1,
    minMonths: 1,
    what: 'Mails of alerts with their recipients',
    afterwards: 'deleted',
  },
  idempotency_keys: {
    months: 1,
    minMonths: 1,
    what: 'Answers under an Idempotency-Key: how long a repetition gets them',
    afterwards: 'deleted',
  },
} as const satisfies Record<string, KindOfData>;

export const MONTHS_MAX = 1_200;

type KindOfData = {
  /** By default; null is for ever. */
  readonly months: number | null;
  readonly minMonths: number;
  readonly what: string;
  /** What happens to it afterwards. */
  readonly afterwards: string;
};

/** Kinds whose time is fixed: no setting changes it. */
export const FIXED_KINDS: readonly {
  readonly what: string;
  readonly kept: string;
  readonly afterwards: string;
}[] = [
  {
    what: 'Money: amounts, roll-ups, ledger, corrections, prices, statements',
    kept: 'for ever',
    afterwards: 'nothing',
  },
  {
    what: 'Identities of events, by which a repetition is known',
    kept: '42 days',
    afterwards: 'deleted; an event that old is refused',
  },
  {
    what: 'Denied requests with their explanation',
    kept: '1 day',
    afterwards: 'deleted; counts by hour stay for 8 days',
  },
  {
    what: 'Holds of requests in flight',
    kept: 'until they end; their ids 15 minutes longer',
    afterwards: 'deleted',
  },
  {
    what: 'Sizes of outputs, from which holds are learned',
    kept: 'halved every day',
    afterwards: 'deleted; they name nobody',
  },
];

export type RetentionKind = keyof typeof RETENTION;

export const RETENTION_KINDS = Object.keys(RETENTION) as RetentionKind[];

const DEFAULTS = Object.fromEntries(
  RETENTION_KINDS.map((kind) => [kind, RETENTION[kind].months]),
) as Retention;

@Injectable()
export class RetentionSettings {
  constructor(
    private readonly database: Database,
    private readonly clock: Clock,
  ) {}

  async get(tx: Tx = this.database.reader): Promise<Retention> {
    const rows = await tx.retentionSetting.findMany();
    const own = Object.fromEntries(rows.map(({ kind, months }) => [kind, months]));
    return { ...DEFAULTS, ...own };
  }

  /** Changes the kinds that are named. What is kept for too long by then is deleted by the next runs of upkeep, and does not return. */
  async change(tx: Tx, { kinds, actor }: { kinds: Partial<Retention>; actor: string }): Promise<Retention> {
    const before = await this.get(tx);
    for (const [kind, months] of Object.entries(kinds)) {
      await tx.retentionSetting.upsert({ where: { kind }, create: { kind, months }, update: { months } });
    }
    const after = await this.get(tx);
    const at = await this.clock.bookingTime(tx);
    const entry = { at, actor, action: 'settings.retention', entity: null, target: null };
    await insertAuditEntry(tx, { ...entry, before: { ...before }, after: { ...after } });
    return after;
  }

  /** Before when what is of the kind is too old; null where it never is. */
  async cutoff(kind: RetentionKind): Promise<Date | null> {
    const { [kind]: months } = await this.get();
    if (months === null) return null;
    return monthsBefore(await this.clock.bookingTime(this.database.reader), months);
  }
}

/** The same day and time so many months ago, in UTC; the last of the month where it has no such day. */
export function monthsBefore(at: Date, months: number): Date {
  const first = new Date(at);
  first.setUTCDate(1);
  first.setUTCMonth(first.getUTCMonth() - months);
  const lastDay = new Date(Date.UTC(first.getUTCFullYear(), first.getUTCMonth() + 1, 0)).getUTCDate();
  first.setUTCDate(Math.min(at.getUTCDate(), lastDay));
  return first;
}
