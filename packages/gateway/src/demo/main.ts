/** `npm run demo`: everything at work on real traffic, on a machine that has only Node. */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { formatUsd, type UsageEvent } from '@tally/client/protocol';
import { Admin } from './admin.js';
import type { TracedRequest } from './conversations.js';
import { replay } from './replay.js';
import { CACHED_MODEL, isChatPrice, plainPrices, sayCachedPrice } from './prices.js';
import { customerTable, grouped, heading, meterTable, Progress, say, table } from './screen.js';
import { readCustomers, seedCustomers, type Seeding } from './seed.js';
import { DAY_MS } from './seeded-usage.js';
import { CUSTOMERS, SEED_DAYS_BACK } from './customers.js';
import { freePort, start, type Running } from './service.js';
import { tellStory } from './story.js';
import {
  costOf,
  difference,
  cachedTokensOf,
  disagreements,
  expectedSums,
  groupSums,
  merge,
  reportedSums,
  total,
  type ListPrice,
  type Sums,
} from './sums.js';
import { eventsOf, readTrace } from './trace.js';

const ENTITIES = { acme: 'pro', globex: 'pro', initech: 'enterprise' } as const;
const CALLER_KEY = 'some-key-value';
/** The trace spans less than an hour, and the clock goes on while it replays. */
const RANGE_MS = 2 * 3_600_000;

const running: Running[] = [];

async function demo(): Promise<void> {
  const run = new Date().toISOString();
  heading('Start');
  const service = await startService();
  const { admin, adminKey, redisUrl } = service;
  const gatewayUrl = await startGateway(service, run);

  const now = new Date();
  const range = { start: new Date(now.getTime() - RANGE_MS), end: new Date(now.getTime() + RANGE_MS) };
  const ownFrom = new Date((Math.floor(now.getTime() / DAY_MS) - SEED_DAYS_BACK) * DAY_MS);
  const prices = await plainPrices(admin, { from: range.start, ownFrom });
  const trace = await readTrace();

  heading('Five weeks of twelve customers, made from a real trace');
  await seed({ admin, redisUrl, run, now, trace, prices });

  heading('Replay the trace itself, every event sent twice');
  const exact = await replayTrace({ admin, redisUrl, run, range, trace, prices });

  heading('A customer runs out of credits');
  await tellStory({ admin, gatewayUrl, callerKey: CALLER_KEY, run });

  heading('Reconciliation');
  const reconciled = await reconcile(admin);

  heading('Running');
  say(`Dashboard   ${service.url}/dashboard`);
  say(`API         ${service.url}   docs ${service.url}/docs`);
  say(`Gateway     ${gatewayUrl}/v1   key ${CALLER_KEY}`);
  say(`Admin key   ${adminKey}`);
  if (!exact || !reconciled) throw new Error('the books are not what the trace says');
}

type Service = { url: string; admin: Admin; adminKey: string; redisUrl: string; dataDir: string };

async function startService(): Promise<Service> {
  const dataDir = path.resolve(process.env.DATA_DIR || '.data');
  const url = `http://127.0.0.1:${await freePort(Number(process.env.PORT || 3000))}`;
  say(`Postgres, Redis and Tally, data in ${dataDir} …`);
  running.push(
    await start({
      name: 'tally',
      entry: 'dist/main.js',
      url,
      ready: '/readyz',
      env: { HOST: '127.0.0.1', PORT: new URL(url).port, ROLE: 'all', DATA_DIR: dataDir, DRAIN_SECONDS: '0' },
      logDir: path.join(dataDir, 'logs'),
    }),
  );
  const adminKey = process.env.ADMIN_API_KEY || readFileSync(path.join(dataDir, 'admin-key'), 'utf8').trim();
  const redisUrl = process.env.REDIS_URL || redisOf(dataDir);
  say(`Tally answers at ${url}`);
  return { url, admin: new Admin(url, adminKey), adminKey, redisUrl, dataDir };
}

function redisOf(dataDir: string): string {
  const servers = JSON.parse(readFileSync(path.join(dataDir, 'servers.json'), 'utf8')) as Record<
    string,
    string
  >;
  return servers['redis_url']!;
}

async function startGateway(service: Service, run: string): Promise<string> {
  const order = { name: `demo gateway ${run}`, role: 'gateway', entity: null };
  const { secret } = await service.admin.send<{ secret: string }>(
    'POST',
    '/v1/admin/keys',
    order,
    `key-${run}`,
  );
  const url = `http://127.0.0.1:${await freePort(Number(process.env.GATEWAY_PORT || 8080))}`;
  running.push(
    await start({
      name: 'gateway',
      entry: 'packages/gateway/dist/main.js',
      url,
      ready: '/livez',
      env: {
        HOST: '127.0.0.1',
        GATEWAY_PORT: new URL(url).port,
        TALLY_URL: service.url,
        TALLY_API_KEY: secret,
        GATEWAY_KEYS: `${CALLER_KEY}:entity1`,
        REDIS_URL: service.redisUrl,
      },
      logDir: path.join(service.dataDir, 'logs'),
    }),
  );
  say(`The gateway answers at ${url}/v1`);
  return url;
}

async function seed(seeding: Seeding): Promise<void> {
  let progress: Progress | null = null;
  const sent = await seedCustomers(seeding, (events, whole) => {
    progress ??= new Progress('sent', whole);
    progress.show(events, 'events');
  });
  say(`${grouped(sent)} requests of ${CUSTOMERS.length} customers`);
  customerTable(await readCustomers(seeding.admin));
}

type Replay = {
  readonly admin: Admin;
  readonly redisUrl: string;
  readonly run: string;
  readonly range: { readonly start: Date; readonly end: Date };
  readonly trace: readonly TracedRequest[];
  readonly prices: readonly ListPrice[];
};

async function replayTrace(options: Replay): Promise<boolean> {
  const { admin, run, range, trace } = options;
  for (const [entity, plan] of Object.entries(ENTITIES))
    await admin.send('PUT', `/v1/admin/entities/${entity}`, { plan });
  const credits = { amount_usd: '5', category: 'paid', reference: `demo ${run}` };
  await admin.send('POST', '/v1/admin/entities/acme/credits', credits, `acme-${run}`);
  sayCachedPrice();
  const prices = options.prices.filter(isChatPrice);
  const events = eventsOf(trace, { run, now: new Date(), models: prices.map(({ model }) => model) });
  const expected = expectedSums(events, prices);

  const read = async (): Promise<Sums> =>
    merge(
      await Promise.all(
        Object.keys(ENTITIES).map(async (entity) => reportedSums(entity, await admin.usageOf(entity, range))),
      ),
    );
  sayWhatIsReal(expected, events);
  const before = await read();
  const progress = new Progress('counted', events.length);
  const { seconds, jobs } = await replay(events, {
    redisUrl: options.redisUrl,
    counted: async () => total(difference(await read(), before)).requests,
    show: (counted, note) => progress.show(counted, note),
  });
  const counted = difference(await read(), before);
  say(`${grouped(2 * events.length)} events in ${grouped(jobs)} jobs in ${Math.ceil(seconds)} s`);
  const byModel = groupSums(counted, (key) => key.split(' ')[1]!);
  table('model', byModel);
  table(
    'project',
    groupSums(counted, (key) => key.split(' ')[0]!),
  );
  meterTable('meter, all models', total(counted));
  meterTable(`meter, ${CACHED_MODEL}`, byModel.get(CACHED_MODEL)!);
  return compare(counted, expected);
}

function sayWhatIsReal(expected: Sums, events: readonly UsageEvent[]): void {
  const { input, cached_input } = total(expected).meters;
  const continued = events.filter(({ data }) => cachedTokensOf(data.usage) > 0).length;
  const share = (100 * cached_input.quantity) / (input.quantity + cached_input.quantity);
  say('Real: when each request came, and how many tokens its prompt and its answer had. Assumed: projects,');
  say(
    `models, and that ${grouped(continued)} of ${grouped(events.length)} requests go on with an earlier one whose prompt was cached,`,
  );
  say(
    `because their prompt is that prompt, its answer and a message long: ${share.toLocaleString('en-US', { maximumFractionDigits: 1 })} % of all prompt tokens.`,
  );
}

function compare(counted: Sums, expected: Sums): boolean {
  const sum = total(counted);
  const wrong = disagreements(counted, expected);
  say();
  for (const line of wrong.slice(0, 20)) say(`  WRONG ${line}`);
  const verdict =
    wrong.length === 0 ? 'exactly what the trace says' : `${wrong.length} sums differ from the trace`;
  const { input, cached_input, output } = sum.meters;
  say(
    `${grouped(sum.requests)} events, ${grouped(input.quantity + cached_input.quantity)} prompt tokens (${grouped(cached_input.quantity)} cached) ` +
      `and ${grouped(output.quantity)} completion tokens, $${formatUsd(costOf(sum))}: ${verdict}`,
  );
  return wrong.length === 0;
}

async function reconcile(admin: Admin): Promise<boolean> {
  const reconciliation = await admin.reconciliation();
  for (const check of reconciliation.checks) say(`  ${check.ok ? '✓' : '✗'} ${check.name}`);
  say(reconciliation.ok ? 'no difference' : 'the books differ');
  return reconciliation.ok;
}

/** Stops the gateway before the service, so that its last events are accepted. */
async function stopAll(): Promise<void> {
  for (const program of running.reverse().splice(0)) await program.stop();
}

async function stopAndExit(): Promise<void> {
  try {
    await stopAll();
    process.exit(0);
  } catch (error) {
    say(`\nnot everything stopped: ${textOf(error)}`);
    process.exit(1);
  }
}

function textOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

const exitAfterwards = process.argv.includes('--exit');
try {
  await demo();
  if (exitAfterwards) {
    await stopAll();
  } else {
    say('\nCtrl-C ends it; the data stay.');
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => void stopAndExit());
  }
} catch (error) {
  say(`\n${textOf(error)}`);
  await stopAll();
  process.exitCode = 1;
}
