/** For how many months what is not money is kept. Money is kept for ever: events' amounts, roll-ups, ledger, corrections, prices, statements. */
import { Injectable } from '@nestjs/common';
import { insertAuditEntry } from '../access/audit-log.js';
import { Clock } from '../platform/clock.js';
import { Database, type Tx } from '../platform/database.js';

/** Null is for ever. */
export type Retention = Readonly<Record<RetentionKind, number | null>>;

export const RETENTION_DEFAULTS = {
  /** Users, requests, tags and raw usage of events, and users of roll-ups. */
  personal_data: 13,
  audit_log: null,
  dead_letters: 13,
  conflicts: 13,
  jobs: 3,
  webhook_deliveries: 1,
  idempotency_keys: 1,
} as const satisfies Record<string, number | null>;

export type RetentionKind = keyof typeof RETENTION_DEFAULTS;

@Injectable()
export class RetentionSettings {
  constructor(
    private readonly database: Database,
    private readonly clock: Clock,
  ) {}

  async get(tx: Tx = this.database.reader): Promise<Retention> {
    const rows = await tx.retentionSetting.findMany();
    const own = Object.fromEntries(rows.map(({ kind, months }) => [kind, months]));
    return { ...RETENTION_DEFAULTS, ...own };
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
