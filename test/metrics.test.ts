/** What Prometheus reads of a whole service: docs/operate.md lists it, and it tells what happened, also while a server is down. */
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Queue } from 'bullmq';
import { UPKEEP_QUEUES } from '../src/platform/queues.js';
import { intervalSecondsOf, SCHEDULES } from '../src/upkeep/schedules.js';
import { anApp, type TestApp } from './support/app.js';
import { anEventBody, LLAMA } from './support/builders.js';
import { withRedis } from './support/data-dir.js';
import { aGateway } from './support/gateway.js';
import { figureIn, labelsIn, metricsIn, sumIn } from './support/metrics-text.js';
import { until } from './support/until.js';

const SUBJECT = 'watched/p';

const scrape = async (app: TestApp): Promise<string> => (await app.call('GET /metrics')).text;

async function gatewayMetrics({ url }: TestApp): Promise<string> {
  const env = { GATEWAY_LEASES: 'true', GATEWAY_METRICS_PORT: '0' };
  const gateway = await aGateway({ url, apiKey: 'unused' }, { env });
  const text = await (await fetch(gateway.metricsUrl!)).text();
  await gateway.close();
  return text;
}

describe('the metrics of a service', () => {
  let app: TestApp;
  beforeAll(async () => {
    app = await anApp({ role: 'all' });
    await app.limit('watched', { monthly_cap_usd: '10', overage: 'allowed' });
  });
  afterAll(() => app.close());

  const counted = () =>
    until('its usage is counted', async () => sumIn(await scrape(app), 'tally_usage_lag_seconds_count') > 0);

  it('are those that docs/operate.md lists, each with its type and labels', async () => {
    const docs = readFileSync(new URL('../docs/operate.md', import.meta.url), 'utf8');
    const rows = [...docs.matchAll(/^\| `(tally_[a-z_]+)` \| (counter|gauge|histogram) \|([^|]*)\|/gm)];
    const listed = new Map(rows.map(([, name = '', type, labels]) => [name, { type, labels }]));
    const text = (await scrape(app)) + (await gatewayMetrics(app));
    const ours = [...metricsIn(text)].filter(([name]) => name.startsWith('tally_'));
    expect([...listed.keys()].toSorted()).toEqual(ours.map(([name]) => name).toSorted());
    // Where nothing was counted yet there is no series.
    const isOf = (name: string): string =>
      `${name} ${listed.get(name)?.type} ${listed.get(name)?.labels?.replaceAll('`', '').trim()}`;
    const different = ours.flatMap(([name, { type }]) => {
      const labels = labelsIn(text, name)?.join(', ') ?? listed.get(name)?.labels?.replaceAll('`', '').trim();
      return isOf(name) === `${name} ${type} ${labels}` ? [] : [`${name} ${type} ${labels}`];
    });
    expect(different).toEqual([]);
  });

  it('say of each gauge whether several processes add up', async () => {
    const gauges = [...metricsIn(await scrape(app))].filter(
      ([name, { type }]) => type === 'gauge' && name.startsWith('tally_'),
    );
    const added = gauges
      .filter(([, { help }]) => !/(use max|do not add them up)\.$/.test(help))
      .map(([name]) => name);
    expect(added.toSorted()).toEqual([
      'tally_database_connections',
      'tally_database_connections_max',
      'tally_database_waiting',
      'tally_quota_local_holds',
      'tally_usage_waiting',
    ]);
  });

  it('count a request from its hold to its booking, and how late it was', async () => {
    const project = SUBJECT;
    const reserve = () =>
      app.call('POST /v1/quota/reservations', {
        body: { project, model: LLAMA, input_tokens: 10, max_output_tokens: 10 },
      });
    const [kept, released] = [await reserve(), await reserve()];
    await app.call(`POST /v1/quota/reservations/${released.body.id}/release`, { body: {} });
    const time = new Date(app.clock.now().getTime() - 40_000);
    await app.call('POST /v1/usage/events', {
      body: anEventBody({ subject: project, time }, { reservation_id: kept.body.id }),
    });
    await counted();
    const text = await scrape(app);
    const holds = ['made', 'released', 'settled'].map((event) =>
      figureIn(text, `tally_quota_holds_total{event="${event}"}`),
    );
    expect(holds).toEqual([2, 1, 1]);
    expect(sumIn(text, 'tally_quota_decisions_total')).toBe(2);
    const lag = (le: string) => figureIn(text, `tally_usage_lag_seconds_bucket{le="${le}"}`);
    expect([lag('30'), lag('+Inf')]).toEqual([0, 1]);
    expect(figureIn(text, 'tally_usage_batch_duration_seconds_count{outcome="written"}')).toBe(1);
    expect(figureIn(text, 'tally_usage_batch_events_sum')).toBe(1);
  });

  it('tell how many holds there are of all customers and what they hold, as upkeep added them up', async () => {
    await app.limit('holder', { overage: 'allowed' });
    const order = { model: LLAMA, input_tokens: 1_000_000, max_output_tokens: 0 };
    for (const project of ['holder/p', 'holder/q'])
      await app.call('POST /v1/quota/reservations', { body: { ...order, project } });
    await withRedis(app.redis.url, async (redis) => {
      const queue = new Queue(UPKEEP_QUEUES.slow, { connection: redis });
      await until('they are added up', async () => {
        await queue.add('sum-holds', {}, { removeOnComplete: true });
        return figureIn(await scrape(app), 'tally_quota_holds_open') === 2;
      });
      await queue.close();
    });
    expect(figureIn(await scrape(app), 'tally_quota_held_usd')).toBeCloseTo(2 * 0.71, 9);
  });

  it('show what waits for a person', async () => {
    await app.call('POST /v1/usage/events', { body: [{}] });
    await until(
      'the dead letter is kept',
      async () => (await app.call('GET /v1/admin/dead_letters')).body.data.length === 1,
    );
    await app.call('GET /v1/admin/reconciliation');
    // What was asked a moment ago serves for some scrapes, so another process is asked.
    const other = await scrapeOfAnother(app);
    expect(figureIn(other, 'tally_dead_letters_open')).toBe(1);
    expect(figureIn(other, 'tally_usage_conflicts_open')).toBe(0);
    expect(figureIn(other, 'tally_reconciliation_differing_checks')).toBe(0);
  });

  it('name the release and the schema, and know each schedule of upkeep', async () => {
    const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'));
    const text = await scrape(app);
    expect(figureIn(text, `tally_build_info{version="${version}",role="all"}`)).toBe(1);
    expect(text).toMatch(/^tally_schema_info\{migration="\d{14}_\w+"\} 1$/m);
    for (const [lane, schedules] of Object.entries(SCHEDULES))
      for (const [schedule, { pattern }] of Object.entries(schedules)) {
        const labels = `{lane="${lane}",schedule="${schedule}"}`;
        expect(figureIn(text, `tally_upkeep_interval_seconds${labels}`)).toBe(intervalSecondsOf(pattern));
        expect(figureIn(text, `tally_upkeep_last_success_timestamp_seconds${labels}`)).toBeGreaterThan(0);
      }
  });

  it('tell of a run of upkeep that succeeded, and how long it took', async () => {
    const labels = '{lane="outbound",schedule="deliver-webhooks"';
    const done = async () =>
      figureIn(await scrape(app), `tally_upkeep_runs_total${labels},outcome="done"}`) ?? 0;
    await until('webhooks were looked after', async () => (await done()) > 0);
    expect(figureIn(await scrape(app), `tally_upkeep_last_duration_seconds${labels}}`)).toBeGreaterThan(0);
  });
});

/** What a second process over the same servers has. */
async function scrapeOfAnother(app: TestApp): Promise<string> {
  const { createApp } = await import('../src/app.module.js');
  const { readConfig } = await import('../src/config.js');
  const { Logger } = await import('../src/platform/logger.js');
  const { connectAll, disconnectAll } = await import('../src/platform/redis-connections.js');
  const { untilReady } = await import('./support/redis-connection.js');
  const redis = connectAll({ redisUrl: app.redis.url, queueRedisUrl: null, redisPrefix: null });
  await untilReady(redis.quota.client);
  const config = readConfig({
    PORT: '0',
    ROLE: 'api',
    DATABASE_URL: app.postgres.url,
    REDIS_URL: app.redis.url,
  });
  const { database, clock } = app;
  const other = await createApp({
    config,
    database,
    redis,
    clock,
    logger: new Logger('silent'),
  });
  try {
    await other.listen(0, '127.0.0.1');
    const answer = await fetch(`${await other.getUrl()}/metrics`, {
      headers: { authorization: `Bearer ${app.adminKey}` },
    });
    return await answer.text();
  } finally {
    await other.close();
    disconnectAll(redis);
  }
}

it('each schedule comes as often as its pattern says', () => {
  const intervals = [
    '*/5 * * * * *',
    '2-57/5 * * * * *',
    '20 * * * * *',
    '10 */5 * * * *',
    '30 1-56/5 * * * *',
    '0 20 * * * *',
  ];
  expect(intervals.map(intervalSecondsOf)).toEqual([5, 5, 60, 300, 300, 3_600]);
});

describe('while a server is down', () => {
  let app: TestApp;
  beforeAll(async () => {
    app = await anApp();
  });
  afterAll(() => app.close());

  it('Redis: what it would have said is absent, the rest is there, and it says who is down', async () => {
    await app.redis.kill();
    const read = async () => {
      const { status, text } = await app.call('GET /metrics');
      expect(status).toBe(200);
      return text;
    };
    await until('it is noticed', async () => figureIn(await read(), 'tally_redis_up') === 0);
    const text = await read();
    expect(figureIn(text, 'tally_postgres_up')).toBe(1);
    expect(figureIn(text, 'tally_queue_waiting_jobs{queue="usage-events"}')).toBeNull();
    expect(figureIn(text, 'tally_dead_letters_open')).toBe(0);
    expect(figureIn(text, 'tally_metrics_unanswered_total{of="queue"}')).toBeGreaterThan(0);
    await app.redis.restart();
    await until(
      'it is back',
      async () => figureIn(await read(), 'tally_queue_waiting_jobs{queue="usage-events"}') === 0,
    );
  });
});
