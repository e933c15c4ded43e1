/**
 * An installation as people run it, under load all the time, while one part after the other fails and is replaced. The faults come in turn,
 * once, or again for as many minutes as `FAILOVER_MINUTES` says.
 */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { periodOf } from '../../../src/domain/period.js';
import { counted, countedOf } from '../../support/counted.js';
import { aSentinelSetup, type SentinelSetup } from '../../support/redis-kinds.js';
import { until } from '../../support/until.js';
import { AlertWatch } from './failover-hour/alert-watch.js';
import { Door } from './failover-hour/door.js';
import { allReady, PATIENT_MS, FAULTS, underLoad, type Fault, type World } from './failover-hour/faults.js';
import { AT_A_TIME, CAP_PICOS, Load, PURCHASE_PICOS, REQUEST_PICOS } from './failover-hour/load.js';
import { startMachines, type Machines } from './failover-hour/machines.js';
import { postgresServers, type PostgresServers } from './failover-hour/postgres-servers.js';
import { tableOf, type Row } from './failover-hour/table.js';
import { Watch } from './failover-hour/watch.js';

const MINUTES = Number(process.env['FAILOVER_MINUTES'] ?? 0);
const MS = 60_000;
/** For the start, for one fault that begins just before the time is over, and for what waits in the end. */
const MORE_MINUTES = 12;
/** A job that a worker had when it died waits for its lock, and for the next look for such jobs. */
const COUNTED_SECONDS_MAX = 240;
const APIS = 2n;
/** Longer than any decision waits for Postgres. */
const DECIDED_MS_MAX = 5_000;

let postgres: PostgresServers;
let redis: SentinelSetup;
let machines: Machines;
let world: World;
let load: Load;
const rows: Row[] = [];

const opened: (() => Promise<unknown>)[] = [];

async function open(): Promise<void> {
  postgres = await postgresServers();
  opened.push(() => postgres.drop());
  redis = await aSentinelSetup();
  opened.push(() => redis.stop());
  await redis.waitFor(PATIENT_MS);
  machines = await startMachines({ databaseUrl: postgres.url, redisUrl: redis.url });
  opened.push(() => machines.close());
  const order = { name: 'gateway', role: 'gateway', entity: null };
  const { body } = await machines.call('POST /v1/admin/keys', { body: order });
  const door = new Door(machines.url, body.secret);
  load = await Load.open(machines, door, redis.url);
  opened.push(() => load.abandon());
  const alerts = await AlertWatch.open(machines);
  opened.push(() => alerts.stop());
  const watch = new Watch(machines, {
    postgres: () => postgres.sql('select pg_current_xact_id()'),
    redis: async () => (await redis.master()).redis.set('probe', '1', 'PX', 1),
  });
  opened.push(() => watch.stop());
  world = { postgres, redis, machines, door, watch, alerts };
}

beforeAll(
  async () => {
    await open();
    await startLoad();
    const startMs = performance.now();
    for (let n = 0; n < FAULTS.length || performance.now() < startMs + MINUTES * MS; n += 1) {
      await goThrough(FAULTS[n % FAULTS.length]!, n);
      const minutes = ((performance.now() - startMs) / MS).toFixed(1);
      process.stderr.write(`${minutes} min, ${n + 1}: ${rows.at(-1)!.fault}, ${rows.at(-1)!.answers}\n`);
    }
    await load.stop();
    const accepted = load.accepted().length;
    const isCounted = async () => (await bookedEvents()) >= accepted;
    await until('all is counted', isCounted, COUNTED_SECONDS_MAX);
    await until('the queue is empty', async () => (await waitingJobs()) === 0, COUNTED_SECONDS_MAX);
    await world.watch.stop();
    const times = load.accepted();
    const booked: Row[] = [];
    for (const row of rows) booked.push(await withBooked(row, times));
    process.stderr.write(`\n${tableOf(booked)}\n`);
  },
  (MINUTES + MORE_MINUTES) * MS,
);
afterAll(async () => {
  for (const close of opened.splice(0).reverse()) await close();
});

async function startLoad(): Promise<void> {
  for (const entity of ['rich-1', 'rich-2', 'rich-3']) await load.startRich(entity);
  for (const entity of ['buyer-1', 'buyer-2']) await load.startBuyer(entity);
  await load.startPoor('poor');
}

/** Waits until it is over, until the alerts that end with it have ended, and until all goes well for a while. */
async function goThrough(fault: Fault, n: number): Promise<void> {
  const { door, watch, alerts } = world;
  // The books are counted by how names begin, so none may begin another.
  const stopCapped = await load.startCapped(`capped-${n}-`);
  await load.reportBad('rich-1');
  await underLoad(world);
  const [from, fromMs, answersBefore, right, wrong] = [
    new Date(),
    performance.now(),
    door.seen.length,
    load.decisions.right,
    load.decisions.wrong.length,
  ];
  const seen = new Set<string>();
  const note = async () => (await alerts.since(from)).forEach((name) => seen.add(name));
  await fault.happen(world, async () => {
    await alerts.untilActive(fault.alerts, from);
    await note();
  });
  await note();
  await allReady(world);
  const toMs = performance.now();
  await alerts.untilOver(fault.passing);
  await underLoad(world);
  stopCapped();
  rows.push({
    fault: fault.name,
    from,
    to: new Date(),
    seconds: (toMs - fromMs) / 1_000,
    degradedSeconds: door.degradedSeconds(fromMs, toMs),
    decisions: { right: load.decisions.right - right, wrong: load.decisions.wrong.length - wrong },
    answers: door.statuses(answersBefore),
    accepted: 0,
    booked: 0,
    ...watch.counts(fromMs, toMs),
    alerts: [...seen].toSorted(),
  });
}

async function withBooked(row: Row, times: readonly number[]): Promise<Row> {
  const accepted = times.filter((ms) => ms >= row.from.getTime() && ms < row.to.getTime()).length;
  const [booked] = await postgres.books.sql<{ events: number }>(
    'select count(*)::int as events from usage_events where occurred_at >= $1 and occurred_at < $2',
    [row.from, row.to],
  );
  return { ...row, accepted, booked: booked!.events };
}

async function bookedEvents(): Promise<number> {
  const [row] = await postgres.books.sql<{ events: number }>(
    'select count(*)::int as events from usage_events',
  );
  return row!.events;
}

async function waitingJobs(): Promise<number> {
  const { body } = await machines.call('GET /v1/admin/queue');
  return body.waiting + body.active;
}

describe('while servers and processes die, take over and are replaced under load', () => {
  it('nobody gets a 500, and every 503 says when to ask again', () => {
    expect(world.door.faults()).toEqual([]);
  });

  it('every decision is right, and no reservation is refused while one of Postgres and Redis can decide', () => {
    expect(load.decisions.wrong).toEqual([]);
    const refused = world.door.refusedReservations();
    const isSlow = (atMs: number) => world.watch.wasSlow('postgres', atMs - DECIDED_MS_MAX, atMs);
    expect(refused.filter(({ atMs }) => !isSlow(atMs))).toEqual([]);
    expect(load.decisions.right).toBeGreaterThan(0);
  });

  it('every event that was accepted is counted exactly once, and nothing else is', async () => {
    for (const { entity, accepted } of load.customers.values()) {
      const expected = counted(accepted.length, BigInt(accepted.length) * REQUEST_PICOS);
      expect([entity, await countedOf(postgres.books, entity)]).toEqual([entity, expected]);
    }
    expect(await postgres.books.sql('select from usage_conflicts')).toEqual([]);
  });

  it('what cannot be counted is a dead letter, once each', async () => {
    const letters = await postgres.books.sql<{ id: string }>('select event_id as id from dead_letters');
    expect(letters.map(({ id }) => id).toSorted()).toEqual(load.bad.toSorted());
  });

  it('every purchase is booked once, however often it was tried', async () => {
    for (const { entity, purchases } of load.customers.values()) {
      const [grants] = await postgres.books.sql<{ count: number; picos: string }>(
        `select count(*)::int as count, coalesce(sum(amount_picos), 0)::text as picos from credit_grants
         where entity = $1 and category = 'paid'`,
        [entity],
      );
      const expected = { count: purchases, picos: String(BigInt(purchases) * PURCHASE_PICOS) };
      expect([entity, grants]).toEqual([entity, expected]);
    }
  });

  it('no limit is passed by more than was admitted while Redis was unavailable, and by no more than once for each API', async () => {
    for (const { entity, accepted, degraded, purchases } of load.customers.values()) {
      const isCapped = entity.startsWith('capped');
      if (!isCapped && !entity.startsWith('buyer')) continue;
      // A cap is that of a month, and the last hour of one ends in the next.
      const months = new Set(accepted.map((ms) => periodOf(new Date(ms)))).size;
      const room = isCapped ? CAP_PICOS * BigInt(months) : BigInt(purchases) * PURCHASE_PICOS;
      const spent = BigInt(accepted.length) * REQUEST_PICOS;
      // Holds that the replica had not heard of when it took over are those of requests in flight.
      const over = spent - room - BigInt(AT_A_TIME) * REQUEST_PICOS;
      const byOutages = BigInt(degraded) * REQUEST_PICOS;
      const isWithin = over <= byOutages && (!isCapped || over <= APIS * CAP_PICOS);
      expect([entity, over, isWithin]).toEqual([entity, over, true]);
    }
  });

  it('every hold has ended', async () => {
    for (const entity of load.customers.keys()) {
      const { body } = await machines.call(`GET /v1/entities/${entity}/balance`);
      expect([entity, body.held_usd]).toEqual([entity, '0']);
    }
  });

  it('reconciliation finds no difference', async () => {
    const { body } = await machines.call('GET /v1/admin/reconciliation');
    expect(body.checks.filter(({ ok }: { ok: boolean }) => !ok)).toEqual([]);
  });

  it('/readyz and /metrics say of each server what is so, ten seconds after it changes at the latest', () => {
    expect(world.watch.lies()).toEqual([]);
    expect(world.watch.wrongStatuses()).toEqual([]);
    expect(world.watch.unanswered).toEqual([]);
    expect(world.watch.looks.length).toBeGreaterThan(0);
  });

  it('no process logs a request that failed, and none an error of its own', () => {
    for (const { name, service } of machines.all) {
      const failed = service
        .log()
        .split('\n')
        .filter((line) => /"msg":"request failed"/.test(line));
      expect([name, failed]).toEqual([name, []]);
    }
  });
});
