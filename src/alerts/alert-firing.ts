/**
 * Checks on a schedule which alerts have become true, and queues what they say in the same transaction. An alert fires once when what it
 * watches becomes so, and is armed again when a check finds that it is no longer so: credits are back above the amount, the spend is
 * below the share of the cap (another month or another cap is another crossing), nothing of the model waits for a price, no usage of the
 * last seven days has the field, the queue is on time. It may run twice, late, and concurrently.
 */
import { Injectable } from '@nestjs/common';
import { periodOf, yearOf } from '../domain/period.js';
import { Clock } from '../platform/clock.js';
import { Database, type Tx } from '../platform/database.js';
import { oneByOne, pagesOf, transactionOfOne } from '../platform/one-by-one.js';
import { togetherOf, UsageQueue } from '../platform/queues.js';
import { ReportsDatabase } from '../platform/reports-database.js';
import {
  findEntitiesChanged,
  fireAlerts,
  lockAlertStates,
  type AlertKind,
  type Look,
} from './alert-conditions.sql.js';
import { noticeOf } from './alert-notice.js';
import { Alerts } from './alerts.js';
import { Notifications } from './notifications.js';

const PAGE_ENTITIES = 500;

/** What is cheap to look at. */
const OFTEN: readonly AlertKind[] = [
  'low_balance',
  'cap_share',
  'unpriced_usage',
  'unread_fields',
  'queue_late',
];
/** What sums a week of each entity that is watched. */
const SELDOM: readonly AlertKind[] = ['credits_running_out'];

@Injectable()
export class AlertFiring {
  constructor(
    private readonly database: Database,
    private readonly reports: ReportsDatabase,
    private readonly clock: Clock,
    private readonly queue: UsageQueue,
    private readonly alerts: Alerts,
    private readonly notifications: Notifications,
  ) {}

  /** Returns how many alerts fired. Each entity has its own transactions; throws a RoundError where one failed. */
  async fire(signal?: AbortSignal): Promise<number> {
    return this.fireKinds(OFTEN, signal);
  }

  /** The same for those that look at the pace of a week. */
  async firePaced(signal?: AbortSignal): Promise<number> {
    return this.fireKinds(SELDOM, signal);
  }

  private async fireKinds(kinds: readonly AlertKind[], signal?: AbortSignal): Promise<number> {
    const set = await this.database.reader.alert.findMany({
      where: { kind: { in: [...kinds] } },
      distinct: ['kind'],
      select: { kind: true },
    });
    // Of a kind that nobody watches any more no alert is left, and nothing to arm again.
    const watched = kinds.filter((kind) => set.some((each) => each.kind === kind));
    const queueSeconds = watched.includes('queue_late') ? await this.queueSeconds() : 0;
    return oneByOne(this.changed(watched, queueSeconds), (of) => this.fireOf(of, queueSeconds), signal);
  }

  private async *changed(
    kinds: readonly AlertKind[],
    queueSeconds: number,
  ): AsyncGenerator<{ kind: AlertKind; entity: string }> {
    for (const kind of kinds) {
      const entities = pagesOf<{ entity: string }>(async (last) => {
        const look = lookAt(await this.clock.bookingTime(this.database.reader), queueSeconds);
        const page = { kind, look: { ...look, entity: null }, after: last?.entity ?? null };
        return this.reports.read((tx) => findEntitiesChanged(tx, { ...page, limit: PAGE_ENTITIES }));
      });
      for await (const { entity } of entities) yield { kind, entity };
    }
  }

  private fireOf(
    { kind, entity }: { kind: AlertKind; entity: string },
    queueSeconds: number,
  ): Promise<number> {
    return transactionOfOne(this.database, async (tx) => {
      await lockAlertStates(tx, { entity });
      const at = await this.clock.bookingTime(tx);
      const look = { ...lookAt(at, queueSeconds), entity };
      const fired = await fireAlerts(tx, { kind, look, at });
      const alerts = await this.rowsOf(
        tx,
        fired.map(({ alertId }) => alertId),
      );
      const notices = fired.flatMap((one) => {
        const alert = alerts.find(({ id }) => id === one.alertId);
        return alert === undefined ? [] : [noticeOf(one, { alert, entity })];
      });
      await this.notifications.tell(tx, notices, at);
      return notices.length;
    });
  }

  private async rowsOf(tx: Tx, ids: readonly string[]) {
    return ids.length === 0 ? [] : this.alerts.withIds(tx, ids);
  }

  private async queueSeconds(): Promise<number> {
    return togetherOf(await this.queue.looks()).oldestSeconds ?? 0;
  }
}

function lookAt(at: Date, queueSeconds: number): Omit<Look, 'entity'> {
  const period = periodOf(at);
  return { at, period, year: yearOf(period), queueSeconds };
}
