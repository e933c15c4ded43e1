/** Deletes what is kept for too long. It may run late, twice, and on two workers at once. */
import { Injectable } from '@nestjs/common';
import { Chains } from '../access/chains.js';
import { IdempotencyPruning } from '../access/idempotency-pruning.js';
import { Accounts } from '../accounts/accounts.js';
import { MailDeliveries } from '../alerts/mail-deliveries.js';
import { WebhookDeliveries } from '../alerts/webhook-deliveries.js';
import { DAY_MS } from '../domain/buckets.js';
import { Database, type Tx } from '../platform/database.js';
import { oneByOne, pagesOf, transactionOfOne } from '../platform/one-by-one.js';
import { discardBuild, eraseFromEvents, eraseFromRollUps, type EntityDay } from './erasures.sql.js';
import {
  deleteOldConflicts,
  deleteOldDeadLetters,
  deleteOldJobs,
  findAuditChains,
  findDaysWithPersons,
  markWithoutPersons,
} from './retention-pruning.sql.js';
import { RetentionSettings, type RetentionKind } from './retention-settings.js';

const PAGE_ROWS = 1_000;
const PAGE_DAYS = 200;

const DELETES: readonly (readonly [
  RetentionKind,
  (tx: Tx, page: { before: Date; limit: number }) => Promise<number>,
])[] = [
  ['dead_letters', deleteOldDeadLetters],
  ['conflicts', deleteOldConflicts],
  ['jobs', deleteOldJobs],
];

const EVERYBODY = { user: null, tag: null, value: null };

@Injectable()
export class RetentionPruning {
  constructor(
    private readonly database: Database,
    private readonly settings: RetentionSettings,
    private readonly accounts: Accounts,
    private readonly idempotency: IdempotencyPruning,
    private readonly webhooks: WebhookDeliveries,
    private readonly mails: MailDeliveries,
    private readonly chains: Chains,
  ) {}

  /** Returns how many rows it deleted or emptied. */
  async prune(signal?: AbortSignal): Promise<number> {
    let pruned = 0;
    for (const [kind, remove] of DELETES) {
      const before = await this.settings.cutoff(kind);
      if (before === null) continue;
      pruned += await this.removeAll((tx) => remove(tx, { before, limit: PAGE_ROWS }), signal);
    }
    pruned += await this.pruneAuditLog(signal);
    const before = await this.settings.cutoff('idempotency_keys');
    return before === null ? pruned : pruned + (await this.idempotency.prune(signal, before));
  }

  /** The oldest entries of each chain, which remembers where it begins then. */
  private async pruneAuditLog(signal?: AbortSignal): Promise<number> {
    const before = await this.settings.cutoff('audit_log');
    if (before === null) return 0;
    const chains = pagesOf<{ entity: string }>((last) =>
      findAuditChains(this.database.reader, { after: last?.entity ?? null, limit: PAGE_ROWS }),
    );
    return oneByOne(chains, ({ entity }) => this.chains.pruneAudit({ entity, before }, signal), signal);
  }

  private async removeAll(remove: (tx: Tx) => Promise<number>, signal?: AbortSignal): Promise<number> {
    for (let removed = 0; ;) {
      const page = await remove(this.database.reader);
      removed += page;
      if (page < PAGE_ROWS || signal?.aborted === true) return removed;
    }
  }

  async sweepWebhooks(): Promise<number> {
    const before = await this.settings.cutoff('webhook_deliveries');
    return this.webhooks.prune(before ?? new Date(0));
  }

  async sweepMails(): Promise<number> {
    const before = await this.settings.cutoff('mail_deliveries');
    return this.mails.prune(before ?? new Date(0));
  }

  /** Takes the names of persons out of days that are older than they may be. Returns how many days. */
  async forget(signal?: AbortSignal): Promise<number> {
    const before = await this.settings.cutoff('personal_data');
    if (before === null) return 0;
    // A day is too old when its last moment is.
    const range = { before: new Date(before.getTime() - DAY_MS), limit: PAGE_DAYS };
    const days = pagesOf<EntityDay>((after) =>
      findDaysWithPersons(this.database.reader, { ...range, after }),
    );
    return oneByOne(days, (day) => this.forgetDay(day), signal);
  }

  private forgetDay(day: EntityDay): Promise<number> {
    return transactionOfOne(this.database, async (tx) => {
      await this.accounts.lock(tx, [day.entity]);
      await discardBuild(tx, day);
      await eraseFromRollUps(tx, { ...day, user: null });
      await eraseFromEvents(tx, { ...day, ...EVERYBODY });
      await markWithoutPersons(tx, day);
      return 1;
    });
  }
}
