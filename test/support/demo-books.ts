/**
 * Three months of usage as a company has it: a few projects with habits of their own, a long tail of models, weekends, growth,
 * credits that are bought, given and run out. The same seed gives the same books.
 */
import { DAY_MS } from '../../src/domain/buckets.js';
import type { UsageEvent } from '../../src/domain/usage.js';
import { connectRedis, untilReady } from './redis-connection.js';
import { Database } from '../../src/platform/database.js';
import { anEvent, LLAMA } from './builders.js';
import { overDatabase, publish } from './price-books.js';
import { servicesOver, type Services } from './services.js';
import type { TestClock } from './test-clock.js';

const BATCH_EVENTS = 1_000;

/** How much of a project's usage goes to a model: prompt and completion tokens at most, share of the prompt that is cached. */
type Habit = { model: string; share: number; prompt: number; completion: number; cached: number };

const habit = (
  model: string,
  share: number,
  [prompt, completion, cached = 0]: [number, number, number?],
): Habit => ({ model, share, prompt, completion, cached });

const DEEPSEEK = 'cw_deepseek-ai_DeepSeek-R1';
const MAVERICK = 'cw_meta-llama_Llama-4-Maverick-17B-128E-Instruct-FP8';
const SCOUT = 'cw_meta-llama_Llama-4-Scout-17B-16E-Instruct';
const MISTRAL = 'cw_mistralai_Mistral-Small-3.1-24B-Instruct-2503';
const PHI = 'cw_microsoft_Phi-4-mini-instruct';
const GRANITE = 'cw_ibm-granite_granite-3.3-8b-instruct';
const QWQ = 'cw_Qwen_QwQ-32B';
const QWEN_VL = 'cw_Qwen_Qwen2.5-VL-7B-Instruct';
const BGE = 'cw_BAAI_bge-m3';
const CLAUDE = 'claude-sonnet-4-5';

const PROJECTS: readonly { name: string; weight: number; habits: readonly Habit[] }[] = [
  {
    name: 'support-assistant',
    weight: 34,
    habits: [habit(LLAMA, 8, [9_000, 900, 0.5]), habit(SCOUT, 2, [6_000, 500])],
  },
  {
    name: 'code-review',
    weight: 22,
    habits: [habit(DEEPSEEK, 7, [14_000, 3_500, 0.35]), habit(QWQ, 3, [12_000, 4_000])],
  },
  {
    name: 'contract-analysis',
    weight: 12,
    habits: [habit(MAVERICK, 8, [48_000, 1_800, 0.2]), habit(QWEN_VL, 2, [9_000, 600])],
  },
  { name: 'site-search', weight: 20, habits: [habit(BGE, 8, [6_000, 0]), habit(MISTRAL, 2, [5_000, 300])] },
  {
    name: 'sales-notes',
    weight: 7,
    habits: [habit(MISTRAL, 6, [16_000, 1_500]), habit(GRANITE, 4, [9_000, 900])],
  },
  {
    name: 'lab',
    weight: 5,
    habits: [
      habit(PHI, 4, [7_000, 700]),
      habit(DEEPSEEK, 3, [9_000, 6_000]),
      habit(GRANITE, 3, [4_000, 700]),
    ],
  },
];

export type DemoOptions = {
  readonly databaseUrl: string;
  readonly redisUrl: string;
  readonly clock: TestClock;
  /** The end of the books: the clock's time afterwards. */
  readonly until: Date;
  readonly days: number;
  readonly eventsPerDay: number;
  /** Every token count times this: few events that cost as much as many. */
  readonly tokensTimes?: number;
};

export async function fillDemoBooks(options: DemoOptions): Promise<void> {
  const { clock, until } = options;
  const database = new Database({ url: options.databaseUrl });
  const redis = connectRedis(options.redisUrl, 'impatient');
  await untilReady(redis);
  const { accounts, recorder, grants } = servicesOver({ database, clock, redis });
  const random = randomFrom(20_261_122);
  try {
    await publishPrices(database, clock, until.getTime() - options.days * DAY_MS);
    for (let day = options.days - 1; day >= 0; day -= 1) {
      const midnight = Math.floor((until.getTime() - day * DAY_MS) / DAY_MS) * DAY_MS;
      const end = Math.min(midnight + DAY_MS - 1, until.getTime());
      clock.set(new Date(midnight));
      for (const order of ordersOf(options.days - 1 - day, until)) {
        const grant = { entity: 'acme', effectiveAt: null, note: null, actor: 'demo', ...order };
        await database.transaction(async (tx) => {
          await accounts.ensureEntity(tx, grant.entity, clock.now());
          await grants.grant(tx, grant);
        });
      }
      clock.set(new Date(end));
      const events = eventsOf({ midnight, end, age: options.days - day }, options, random);
      for (let at = 0; at < events.length; at += BATCH_EVENTS) {
        await recorder.record(events.slice(at, at + BATCH_EVENTS));
      }
    }
    await recorder.record(oddEvents(until));
    await recorder.record(eventsWithManyMeters(until));
    await recorder.record([{ ...oddEvents(until)[0]!, userId: 'u_other' }]);
  } finally {
    redis.disconnect();
    await database.close();
  }
}

/** Cached input at a price of its own, and a model with more than the usual meters. */
async function publishPrices(database: Database, clock: TestClock, fromMs: number): Promise<void> {
  const effectiveFrom = new Date(fromMs - DAY_MS);
  const { prices } = overDatabase(database, clock);
  const tokens = (input: string, cached: string, output: string) => ({
    input_usd_per_million: input,
    cached_input_usd_per_million: cached,
    output_usd_per_million: output,
  });
  const orders = [
    { model: LLAMA, terms: tokens('0.71', '0.1775', '0.71') },
    { model: DEEPSEEK, terms: tokens('1.35', '0.3375', '5.40') },
    {
      model: CLAUDE,
      terms: {
        ...tokens('3', '0.3', '15'),
        cache_write_usd_per_million: '3.75',
        search_usd: '0.01',
        variants: [{ when: { service_tier: 'priority' }, multiplier: '1.5' }],
      },
      maxInputTokens: 200_000,
      maxOutputTokens: 64_000,
    },
  ];
  for (const order of orders) await publish({ database, prices }, { ...order, effectiveFrom });
}

type Order = Pick<
  Parameters<Services['grants']['grant']>[1],
  'amountPicos' | 'category' | 'priority' | 'expiresAt' | 'reference'
>;

/** Credits on the day so many days after the first. */
function ordersOf(day: number, until: Date): Order[] {
  const usd = (dollars: bigint) => dollars * 10n ** 12n;
  const expiresAt = (days: number) => new Date(until.getTime() + days * DAY_MS);
  const paid = { category: 'paid', priority: 50, expiresAt: null } as const;
  const promotion = { category: 'promotional', priority: 60 } as const;
  switch (day) {
    case 0:
      return [{ ...paid, amountPicos: usd(1_500n), reference: 'INV-2026-0911' }];
    case 20:
      return [
        { ...promotion, amountPicos: usd(250n), expiresAt: expiresAt(6), reference: 'Autumn programme' },
      ];
    case 44:
      return [{ ...paid, amountPicos: usd(2_000n), expiresAt: expiresAt(300), reference: 'INV-2026-1023' }];
    case 70:
      return [{ ...paid, amountPicos: usd(1_200n), expiresAt: expiresAt(330), reference: 'INV-2026-1117' }];
    default:
      return [];
  }
}

function eventsOf(
  { midnight, end, age }: { midnight: number; end: number; age: number },
  { eventsPerDay, tokensTimes = 1 }: DemoOptions,
  random: () => number,
): UsageEvent[] {
  const weekday = new Date(midnight).getUTCDay();
  const busy = (weekday === 0 || weekday === 6 ? 0.45 : 1) * (0.7 + age / 160) * (0.85 + random() * 0.3);
  const count = Math.round(eventsPerDay * busy * ((end - midnight) / DAY_MS));
  return Array.from({ length: count }, (_, index) => {
    const project = pick(PROJECTS, (one) => one.weight, random);
    const { model, prompt, completion, cached } = pick(project.habits, (one) => one.share, random);
    const promptTokens = Math.round(prompt * tokensTimes * (0.4 + random() * 0.6));
    const cachedInputTokens = Math.round(promptTokens * cached * random());
    return anEvent({
      id: `demo-${midnight}-${index}`,
      subject: `${random() < 0.88 ? 'acme' : 'globex'}/${project.name}`,
      occurredAt: new Date(midnight + Math.floor(hourly(random) * (end - midnight))),
      model,
      operation: model === BGE ? 'embeddings' : 'chat',
      quantities: {
        input: promptTokens - cachedInputTokens,
        cached_input: cachedInputTokens,
        output: Math.round(completion * tokensTimes * (0.4 + random() * 0.6)),
      },
      apiKeyId: `key_${1 + Math.floor(random() * 4)}`,
      requestId: `req_${midnight / DAY_MS}_${index}`,
    });
  });
}

/** A model that has no price yet, and usage that comes after its month was closed. The first one is sent again with another user. */
function oddEvents(until: Date): UsageEvent[] {
  const yesterday = new Date(until.getTime() - DAY_MS);
  const lateBy = new Date(Date.UTC(until.getUTCFullYear(), until.getUTCMonth(), 1) - 7_200_000);
  const unpriced = Array.from({ length: 18 }, (_, index) =>
    anEvent({
      id: `demo-unpriced-${index}`,
      subject: 'acme/lab',
      model: 'cw_moonshotai_Kimi-K2-Instruct',
      occurredAt: new Date(yesterday.getTime() + index * 60_000),
      quantities: { input: 5_400 + index * 310, output: 820 },
    }),
  );
  const late = Array.from({ length: 7 }, (_, index) =>
    anEvent({
      id: `demo-late-${index}`,
      subject: 'acme/code-review',
      model: DEEPSEEK,
      occurredAt: new Date(lateBy.getTime() + index * 60_000),
      quantities: { input: 11_000, output: 2_400 },
    }),
  );
  return [...unpriced, ...late];
}

/** Cache writes, searches, thinking, a tier, a meter that has no price, and a count that nothing reads. */
function eventsWithManyMeters(until: Date): UsageEvent[] {
  return Array.from({ length: 40 }, (_, index) =>
    anEvent({
      id: `demo-many-${index}`,
      subject: 'acme/lab',
      model: CLAUDE,
      occurredAt: new Date(until.getTime() - (index % 9) * DAY_MS - index * 600_000),
      quantities: {
        input: 2_100 + index * 40,
        cached_input: 38_000 + index * 512,
        cache_write: 4_012,
        output: 700 + index,
        reasoning: 1_400,
        ...(index % 4 === 0 && { search: 2 }),
        ...(index === 9 && { page: 12 }),
      },
      serviceTier: index % 10 === 0 ? 'priority' : 'default',
      ...(index === 18 && { unread: ['server_tool_use.web_fetch_requests'] }),
    }),
  );
}

/** Most of a day's usage falls into its middle. */
function hourly(random: () => number): number {
  return (random() + random() + random()) / 3;
}

function pick<T>(items: readonly T[], weightOf: (item: T) => number, random: () => number): T {
  let left = random() * items.reduce((sum, item) => sum + weightOf(item), 0);
  return items.find((item) => (left -= weightOf(item)) < 0) ?? items[0]!;
}

/** Mulberry32: small, seeded, good enough for a story. */
function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}
