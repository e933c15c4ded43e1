/** The services as the app wires them, made by hand over what a test has. */
import { setTimeout as delay } from 'node:timers/promises';
import type { Redis } from 'ioredis';
import { Changes } from '../../src/access/changes.js';
import { IdempotencyPruning } from '../../src/access/idempotency-pruning.js';
import { Accounts } from '../../src/accounts/accounts.js';
import { CorrectionBooking } from '../../src/corrections/correction-booking.js';
import { Rerating } from '../../src/corrections/rerating.js';
import { UnpricedUsage } from '../../src/corrections/unpriced-usage.js';
import { Corrections } from '../../src/corrections/corrections.js';
import { Voids } from '../../src/corrections/voids.js';
import { Reconciliation } from '../../src/books/reconciliation.js';
import { Repair } from '../../src/books/repair.js';
import { Allowances } from '../../src/credits/allowances.js';
import { Burns } from '../../src/credits/burns.js';
import { GrantExpiry } from '../../src/credits/grant-expiry.js';
import { Debts } from '../../src/credits/debts.js';
import { Grants } from '../../src/credits/grants.js';
import { HourlyPosting } from '../../src/credits/hourly-posting.js';
import { Ledger } from '../../src/credits/ledger.js';
import { IdentityPruning } from '../../src/metering/identity-pruning.js';
import { Recorder, type RecordResult } from '../../src/metering/recorder.js';
import { ensureUsageMonths } from '../../src/metering/usage-months.sql.js';
import { UsageSums } from '../../src/metering/usage-sums.js';
import { DailyRollUps } from '../../src/periods/daily-roll-ups.js';
import { PeriodClose } from '../../src/periods/period-close.js';
import type { UsageEvent } from '../../src/domain/usage.js';
import type { Clock } from '../../src/platform/clock.js';
import type { Database } from '../../src/platform/database.js';
import { PriceBook } from '../../src/prices/price-book.js';
import { Rates } from '../../src/prices/rates.js';
import { RedisNodes } from '../../src/platform/redis-nodes.js';
import { Quota } from '../../src/quota/quota.js';

export type Bookkeeping = ReturnType<typeof bookkeepingOver>;
export type Services = ReturnType<typeof servicesOver>;

/** Those that need no Redis. */
export function bookkeepingOver({ database, clock }: { database: Database; clock: Clock }) {
  const accounts = new Accounts();
  const ledger = new Ledger(database);
  const debts = new Debts(ledger);
  const grants = new Grants(database, clock, accounts, ledger, debts);
  const allowances = new Allowances(accounts, debts);
  const burns = new Burns();
  const changes = new Changes(database);
  const rates = new Rates(database);
  const sums = new UsageSums();
  const booking = new CorrectionBooking(accounts, grants, burns, debts, sums);
  const days = new DailyRollUps(database, clock, accounts);
  return {
    changes,
    accounts,
    ledger,
    grants,
    allowances,
    burns,
    sums,
    booking,
    rates,
    prices: new PriceBook(database, clock, changes),
    posting: new HourlyPosting(database, clock, accounts, burns),
    corrections: new Corrections(database),
    voids: new Voids(database, clock, accounts, grants, booking),
    periods: new PeriodClose(database, clock, accounts, burns),
    days,
    pruning: new IdentityPruning(database, clock),
    idempotency: new IdempotencyPruning(database, clock),
    repair: new Repair(database, clock, accounts, sums, days),
    reconciliation: new Reconciliation(database.reports, clock),
  };
}

export function servicesOver(over: { database: Database; clock: Clock; redis: Redis }) {
  const books = bookkeepingOver(over);
  const quota = quotaOver(over, books);
  return { ...books, quota, ...publishingOver({ ...over, quota }, books) };
}

export function quotaOver(
  { database, clock, redis }: { database: Database; clock: Clock; redis: Redis },
  { prices, allowances }: Pick<Bookkeeping, 'prices' | 'allowances'>,
): Quota {
  return new Quota(new RedisNodes(redis), database, clock, prices, allowances, 'closed', 'deny');
}

/** Those that publish to `quota` what they change. */
export function publishingOver(
  { database, clock, quota }: { database: Database; clock: Clock; quota: Quota },
  { changes, accounts, prices, rates, allowances, grants, burns, sums, booking }: Bookkeeping,
) {
  changes.onCommit(async (concerned) => {
    const subjects = concerned.flatMap((each) => ('entity' in each ? [each] : []));
    await quota.publishNowOrLater(subjects);
  });
  return {
    recorder: likeTheWorker(
      new Recorder(database, clock, quota, accounts, prices, rates, allowances, grants),
      database,
    ),
    expiry: new GrantExpiry(database, clock, changes, accounts, grants),
    unpriced: new UnpricedUsage(
      database,
      clock,
      quota,
      accounts,
      prices,
      rates,
      allowances,
      grants,
      burns,
      sums,
      booking,
    ),
    rerating: new Rerating(database, clock, quota, accounts, prices, rates, allowances, grants, booking),
  };
}

/**
 * Makes the months of what it is to record, since the clock of a test jumps and nothing makes them ahead; and records what was set aside
 * again until it is counted.
 */
function likeTheWorker(recorder: Recorder, database: Database): Recorder {
  const record = recorder.record.bind(recorder);
  recorder.record = async (events: readonly UsageEvent[]): Promise<RecordResult> => {
    for (const month of new Set(events.map(({ occurredAt }) => occurredAt.toISOString().slice(0, 7)))) {
      const time = new Date(`${month}-01`);
      await ensureUsageMonths(database.reader, { first: time, last: time });
    }
    let result = await record(events);
    while (result.setAside.length > 0) {
      await delay(SET_ASIDE_MS);
      result = sumOf(result, await record(result.setAside));
    }
    return result;
  };
  return recorder;
}

const SET_ASIDE_MS = 5;

function sumOf(before: RecordResult, after: RecordResult): RecordResult {
  return {
    recorded: before.recorded + after.recorded,
    duplicates: before.duplicates + after.duplicates,
    conflicts: before.conflicts + after.conflicts,
    unpriced: before.unpriced + after.unpriced,
    unread: before.unread + after.unread,
    lagsSeconds: [...before.lagsSeconds, ...after.lagsSeconds],
    setAside: after.setAside,
  };
}
