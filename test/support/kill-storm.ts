/** Workers die one after the other while usage flows, and every event comes twice: what is counted in the end, and what should be. */
import { aDatabase } from './database.js';
import { aRedis } from './redis.js';
import { startService, type ServiceProcess } from './service-process.js';
import { aTestQueue } from './usage-queue.js';
import { until } from './until.js';
import { Random } from '../simulation/random.js';
import { Client } from 'pg';

const WORKERS = 2;
const BATCH = 100;

/** Of the price book, in picodollars a token. */
const MODELS = [
  { model: 'cw_Qwen_QwQ-32B', input: 180_000n, output: 200_000n },
  { model: 'cw_deepseek-ai_DeepSeek-R1', input: 1_350_000n, output: 5_400_000n },
  { model: 'cw_BAAI_bge-m3', input: 10_000n, output: 0n },
];

/** `entity project model requests input output cost`, sorted. */
export type Sums = readonly string[];
export type StormResult = {
  readonly sent: Sums;
  readonly counted: Sums;
  readonly spent: Sums;
  readonly identities: number;
  readonly differences: readonly unknown[];
  readonly kills: number;
  readonly killedAtWork: number;
};

/** Half of the events come as jobs of one, half in jobs of 100; each is in two jobs. */
export async function killStorm(order: {
  events: number;
  kills: number;
  seed: number;
}): Promise<StormResult> {
  const random = new Random(order.seed);
  const [postgres, redis] = await Promise.all([aDatabase(), aRedis()]);
  const queue = await aTestQueue(redis.url);
  const client = new Client({ connectionString: postgres.url });
  await client.connect();
  const services: ServiceProcess[] = [];
  const start = (role: 'api' | 'worker') =>
    startService({ role, databaseUrl: postgres.url, redisUrl: redis.url });
  try {
    const api = await start('api');
    for (let index = 0; index < WORKERS; index += 1) services.push(await start('worker'));
    const { jobs, sent } = deliveries(order.events, random);
    const perKill = Math.ceil(jobs.length / (order.kills + 1));
    let killedAtWork = 0;
    for (let kill = 0; kill < order.kills; kill += 1) {
      const part = jobs.slice(kill * perKill, (kill + 1) * perKill);
      await queue.add(part);
      const goal = (await queue.openCount()) - random.int(1, Math.max(1, Math.floor(part.length / 2)));
      await until('the workers are at work', async () => (await queue.openCount()) <= goal);
      const victim = kill % WORKERS;
      await services[victim]!.kill();
      if ((await queue.queue.getActiveCount()) > 0) killedAtWork += 1;
      await queue.stall();
      services[victim] = await start('worker');
    }
    await queue.add(jobs.slice(order.kills * perKill));
    await queue.stall();
    await queue.drained();
    const { body } = await api.call('GET /v1/admin/reconciliation');
    await api.stop();
    return {
      sent,
      kills: order.kills,
      killedAtWork,
      counted: await sums(client, COUNTED),
      spent: await sums(client, SPENT),
      identities: Number((await client.query('select count(*) from usage_identities')).rows[0].count),
      differences: body.checks.filter((check: { ok: boolean }) => !check.ok),
    };
  } finally {
    await Promise.all(services.map((service) => service.kill()));
    await client.end();
    await queue.close();
    await Promise.all([postgres.drop(), redis.stop()]);
  }
}

function deliveries(count: number, random: Random): { jobs: unknown[]; sent: Sums } {
  const sent = new Map<string, { requests: number; input: number; output: number; cost: bigint }>();
  const time = new Date().toISOString();
  const events = Array.from({ length: count }, (_, index) => {
    const [entity, project] = [`entity${random.int(1, 20)}`, `project${random.int(1, 3)}`];
    const { model, input, output } = random.pick(MODELS);
    const [prompt, completion] = [random.int(0, 4_000), random.int(0, 1_000)];
    const key = `${entity} ${project} ${model}`;
    const sum = sent.get(key) ?? { requests: 0, input: 0, output: 0, cost: 0n };
    sent.set(key, {
      requests: sum.requests + 1,
      input: sum.input + prompt,
      output: sum.output + completion,
      cost: sum.cost + BigInt(prompt) * input + BigInt(completion) * output,
    });
    const usage = { prompt_tokens: prompt, completion_tokens: completion };
    return {
      specversion: '1.0',
      type: 'ai.inference.usage.v1',
      source: '/storm',
      id: `event-${index}`,
      subject: `${entity}/${project}`,
      time,
      data: { model, usage },
    };
  });
  const singles = events.slice(0, count / 2);
  const batches = [];
  for (let start = count / 2; start < count; start += BATCH) batches.push(events.slice(start, start + BATCH));
  const jobs = random.shuffled([...singles, ...singles, ...batches, ...batches]);
  return {
    jobs,
    sent: [...sent]
      .map(([key, { requests, input, output, cost }]) => [key, requests, input, output, cost].join(' '))
      .sort(),
  };
}

const COUNTED = `
  select concat_ws(' ', entity, project, model, count(*), sum(input_tokens), sum(output_tokens), sum(cost_picos)) as sum
  from rated_events group by entity, project, model`;
const SPENT = `
  select concat_ws(' ', entity, project, model, sum(requests), sum(input_tokens), sum(output_tokens), sum(cost_picos)) as sum
  from hourly_usage group by entity, project, model`;

async function sums(client: Client, sql: string): Promise<Sums> {
  const { rows } = await client.query<{ sum: string }>(sql);
  return rows.map(({ sum }) => sum).sort();
}
