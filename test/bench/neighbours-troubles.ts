/** What one customer, or the service itself, does that no other customer may notice. Each begins, and says when it is over. */
import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import { Queue } from 'bullmq';
import pg from 'pg';
import { USAGE_QUEUE } from '@tally/client/protocol';
import { UPKEEP_QUEUES } from '../../src/platform/queues.js';
import { ADMIN_KEY } from '../support/app.js';
import { aReceiver } from '../support/receiver.js';
import type { ServiceProcess } from '../support/service-process.js';
import { until } from '../support/until.js';
import type { BenchServers } from './ingest-servers.js';
import { customerName, fill, FULL, jobOf, oneOf } from './ingest-usage.js';

const FLOODING = customerName(0);
const LOCKED = customerName(1);
const DAY_MS = 86_400_000;
const PRICE_MAP = new URL('../data/price-map/litellm-prices.json.gz', import.meta.url);

export type World = {
  readonly servers: BenchServers;
  readonly api: ServiceProcess;
  readonly scale: number;
};

export type Trouble = {
  readonly isOver: () => Promise<boolean>;
  readonly end: () => Promise<unknown>;
  /** Of the neighbour's events meanwhile; now where it is left out. */
  readonly occurredAt?: Date;
  /** What became of it. */
  readonly note?: () => string;
};

export const TROUBLES: Readonly<Record<string, (world: World) => Promise<Trouble>>> = {
  'nothing else': async () => lasting(),
  '100,000 events of one customer wait': flood,
  "a transaction holds one customer's row": lockedRow,
  'a reader has read usage_events, a month begins': readerAtMonth,
  'ten slow reports run': (world) => reports(world, 10),
  '120 slow reports run': (world) => reports(world, 120),
  'a price map is imported': priceMap,
  'a receiver of webhooks does not answer': silentReceiver,
  'identities are pruned': pruning,
};

const LASTS_MS = 4_000;

/** Over after a while. */
function lasting(end: () => Promise<unknown> = async () => {}): Trouble {
  const startedMs = performance.now();
  return { isOver: async () => performance.now() - startedMs > LASTS_MS, end };
}

async function flood({ servers, scale }: World): Promise<Trouble> {
  const queue = new Queue(USAGE_QUEUE, { connection: servers.redis });
  await queue.pause();
  await fill(queue, { ...FULL, customers: 1, events: Math.ceil(1_000 * scale) * 100, eventsPerJob: 100 });
  await queue.resume();
  const open = () => queue.getJobCountByTypes('wait', 'prioritized', 'active', 'delayed');
  return { isOver: async () => (await open()) < 10, end: () => queue.close() };
}

async function lockedRow({ servers }: World): Promise<Trouble> {
  const holder = await connected(servers);
  await holder.query('begin');
  await holder.query('select from entities where name = $1 for update', [LOCKED]);
  const queue = new Queue(USAGE_QUEUE, { connection: servers.redis });
  const usage = Array.from({ length: 2_000 }, () => oneOf(LOCKED));
  await queue.addBulk(Array.from({ length: 20 }, (_, job) => jobOf(usage.slice(job * 100, job * 100 + 100))));
  return lasting(async () => {
    await holder.query('commit');
    await holder.end();
    await queue.close();
  });
}

/** The months beside this one are taken away while they are empty. The neighbour's events are of the last one. */
async function readerAtMonth({ servers }: World): Promise<Trouble> {
  const sql = await connected(servers);
  const { rows } = await sql.query<{ name: string }>(
    `select inhrelid::regclass::text as name from pg_inherits
     where inhparent = 'usage_events'::regclass and inhrelid::regclass::text <> 'usage_events_' || to_char(now() at time zone 'UTC', 'YYYY_MM')`,
  );
  for (const { name } of rows) {
    const { rowCount } = await sql.query(`select from ${name} limit 1`);
    if (rowCount === 0) await sql.query(`drop table ${name}`);
  }
  await sql.query('begin isolation level repeatable read');
  await sql.query('select count(*) from usage_events');
  const watch = await connected(servers);
  await upkeep(servers, 'money', 'make-months');
  const months = async () => {
    const found = await watch.query(
      "select from pg_inherits where inhparent = 'usage_events'::regclass having count(*) >= $1",
      [rows.length + 1],
    );
    return found.rowCount === 1;
  };
  const startedMs = performance.now();
  await until('the months are made behind the reader', months, 60);
  const madeMs = performance.now() - startedMs;
  await watch.end();
  const trouble = lasting(async () => {
    await sql.query('commit');
    await sql.end();
  });
  return {
    ...trouble,
    occurredAt: new Date(Date.now() - 34 * DAY_MS),
    note: () => `months made in ${Math.round(madeMs)} ms`,
  };
}

/** Of a day that is not over, of some of its users: read from the events of the customer who has most, and small when it is answered. */
async function reports({ api }: World, count: number): Promise<Trouble> {
  const stop = new AbortController();
  const headers = { authorization: `Bearer ${ADMIN_KEY}`, 'openai-organization': FLOODING };
  const end = Math.floor(Date.now() / 1_000) + 60;
  const users = Array.from({ length: 50 }, (_, user) => `user_ids=user_${user}`).join('&');
  const query = `start_time=${end - 86_400}&end_time=${end}&bucket_width=1d&group_by=model&${users}`;
  const path = `${api.url}/v1/organization/usage/completions?${query}`;
  const answers = new Map<number, number>();
  const millis: number[] = [];
  const reader = async () => {
    while (!stop.signal.aborted) {
      const startedMs = performance.now();
      const response = await fetch(path, { headers, signal: stop.signal });
      await response.arrayBuffer();
      answers.set(response.status, (answers.get(response.status) ?? 0) + 1);
      millis.push(performance.now() - startedMs);
    }
  };
  const readers = Array.from({ length: count }, () => reader().catch(() => {}));
  const trouble = lasting(async () => {
    stop.abort();
    await Promise.all(readers);
  });
  return {
    ...trouble,
    note: () => {
      const longest = Math.round(Math.max(0, ...millis));
      return `${[...answers].map(([status, n]) => `${n} × ${status}`).join(', ')}, longest ${longest} ms`;
    },
  };
}

async function priceMap({ api }: World): Promise<Trouble> {
  const map = await promisify(gunzip)(await readFile(PRICE_MAP));
  let status: number | null = null;
  const path = 'POST /v1/admin/prices/import?allow_lossy=true&allow_free=true';
  const imported = api.call(path, { body: map, headers: { 'content-type': 'application/json' } });
  const done = imported.then((answer) => (status = answer.status));
  return { isOver: async () => status !== null, end: () => done, note: () => `answered with ${status}` };
}

async function silentReceiver({ servers, api }: World): Promise<Trouble> {
  const receiver = await aReceiver();
  receiver.answer('never');
  const order = { url: receiver.url, entity: FLOODING };
  const { body } = await api.call('POST /v1/admin/webhooks', { body: order });
  for (let cents = 1; cents <= 20; cents += 1) {
    const channel = { type: 'email', recipients: ['a@example.com'] };
    const alert = {
      threshold_amount: cents,
      currency: 'USD',
      interval: 'month',
      notification_channel: channel,
    };
    const headers = { 'openai-organization': FLOODING };
    const { status } = await api.call('POST /v1/organization/spend_alerts', { body: alert, headers });
    if (status !== 200 && status !== 201) throw new Error(`the alert was answered with ${status}`);
  }
  await upkeep(servers, 'outbound', 'fire-spend-alerts');
  const isHeld = async () => {
    await upkeep(servers, 'outbound', 'deliver-webhooks');
    return receiver.received.length > 0;
  };
  await until('the receiver has a message', isHeld);
  return {
    ...lasting(async () => {
      receiver.letGo();
      await api.call(`DELETE /v1/admin/webhooks/${String(body.id)}`);
      await receiver.close();
    }),
    note: () => `${receiver.received.length} messages held`,
  };
}

/** Of this hour's part, and of the next one's in case that it begins. */
async function pruning({ servers, scale }: World): Promise<Trouble> {
  const sql = await connected(servers);
  const rows = Math.ceil(500_000 * scale);
  const part = Math.floor(Date.now() / 3_600_000) % 168;
  await sql.query(
    `insert into usage_identities (identity, occurred_at)
     select (lpad(to_hex(least(65535, $1::integer + n % 700)), 4, '0') || left(md5(n::text), 28))::uuid, now() - interval '60 days'
     from generate_series(1, $2::integer) n on conflict do nothing`,
    [Math.floor((part * 65_536) / 168), rows],
  );
  await upkeep(servers, 'slow', 'prune-identities');
  const left = async () => {
    const { rowCount } = await sql.query(
      `select from usage_identities where occurred_at < now() - interval '50 days'
       and identity < (lpad(to_hex($1::integer), 4, '0') || '0000-0000-0000-0000-000000000000')::uuid limit 1`,
      [Math.min(65_535, Math.floor(((part + 1) * 65_536) / 168))],
    );
    return rowCount ?? 0;
  };
  return {
    isOver: async () => (await left()) === 0,
    end: async () => {
      await sql.query("delete from usage_identities where occurred_at < now() - interval '50 days'");
      await sql.end();
    },
  };
}

async function upkeep(servers: BenchServers, lane: keyof typeof UPKEEP_QUEUES, job: string): Promise<void> {
  const queue = new Queue(UPKEEP_QUEUES[lane], { connection: servers.redis });
  await queue.add(job, {}, { removeOnComplete: true, removeOnFail: true });
  await queue.close();
}

async function connected({ databaseUrl }: BenchServers): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: databaseUrl });
  client.on('error', () => {});
  await client.connect();
  return client;
}
