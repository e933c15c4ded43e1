/** Events as they come from the world: right, late, odd, broken, repeated and contradicting, each with what must become of it. */
import { Random } from '../simulation/random.js';
import { anEventBody, LLAMA } from './builders.js';

type Body = Record<string, unknown>;
export type Outcome = 'recorded' | 'duplicate' | 'conflict' | 'dead_letter';
export type Delivery = { readonly body: unknown; readonly outcome: Outcome };

/** What comes first is told apart from what repeats or contradicts it, because only its arrival decides which of two is counted. */
export type Deliveries = { readonly first: readonly Delivery[]; readonly later: readonly Delivery[] };

const NOON = Date.parse('2026-11-22T12:00:00Z');
const DAY_MS = 86_400_000;
const ENTITIES = ['ada', 'bob', 'cleo', 'dan', 'eve'];

const USAGES: ((n: number) => Body)[] = [
  (n) => ({ prompt_tokens: n, completion_tokens: 2, total_tokens: n + 2 }),
  (n) => ({ prompt_tokens: n + 5, completion_tokens: 3, prompt_tokens_details: { cached_tokens: 5 } }),
  (n) => ({ input_tokens: n, output_tokens: 1, cache_read_input_tokens: 4 }),
  (n) => ({ promptTokenCount: n, candidatesTokenCount: 2, totalTokenCount: n + 2 }),
  (n) => ({ inputTokens: n, outputTokens: 1, totalTokens: n + 1 }),
  (n) => ({ prompt_eval_count: n, eval_count: 3 }),
  (n) => ({ prompt_tokens: n, completion_tokens: 1, brand_new_tokens: 9 }),
];

/** Descriptive fields of every kind of oddity: none of them refuses an event. */
const ODDITIES: Body[] = [
  {},
  { user_id: 'u'.repeat(300) },
  { user_id: 77, api_key_id: true, request_id: ['r'] },
  { operation: null },
  { operation: 'x'.repeat(100), usage_source: 'guessed' },
  { tags: { team: 'a\nb', cost: 7, '': 'x' } },
  { tags: Object.fromEntries(Array.from({ length: 33 }, (_, index) => [`t${index}`, 'v'])) },
  { tags: 'none', attributes: [1, 2] },
  { service_tier: 9, region: { eu: true } },
  { reservation_id: '\ud800', user_id: '\u0000' },
  { model: 'nobody-priced-it' },
];

const BREAKAGES: ((event: Body, n: number) => unknown)[] = [
  (event) => ({ ...event, type: 'other' }),
  (event) => ({ ...event, subject: 'no-project' }),
  (event) => ({ ...event, subject: `${'x'.repeat(200)}/p` }),
  (event) => ({ ...event, specversion: '0.3' }),
  (event) => ({ ...event, id: '' }),
  (event) => ({ ...event, id: '\ud800' }),
  (event) => ({ ...event, source: undefined }),
  (event) => ({ ...event, time: new Date(NOON - 36 * DAY_MS).toISOString() }),
  (event) => ({ ...event, time: new Date(NOON + 6 * 60_000).toISOString() }),
  (event) => ({ ...event, time: 'yesterday' }),
  (event) => ({ ...event, data: undefined }),
  (event) => ({ ...event, data: 'tokens' }),
  (event) => ({ ...event, data: undefined, data_base64: '!!' }),
  (event, n) => withUsage(event, { prompt_tokens: -1 - n, completion_tokens: 1 }),
  (event, n) => withUsage(event, { prompt_tokens: n + 0.5, completion_tokens: 1 }),
  (event, n) => withUsage(event, { prompt_tokens: 1, completion_tokens: 1, total_tokens: n + 3 }),
  (event, n) =>
    withUsage(event, {
      prompt_tokens: n,
      completion_tokens: 1,
      prompt_tokens_details: { cached_tokens: n + 1 },
    }),
  (event) => withUsage(event, { prompt_tokens: 2 ** 31, completion_tokens: 1 }),
  (event, n) => withUsage(event, { prompt_tokens: String(n), completion_tokens: 'many' }),
  (event) => withUsage(event, {}),
  (event, n) => withUsage(event, { output_tokens: n }),
  (_, n) => ({ n }),
  (_, n) => n,
  (_, n) => `text ${n}`,
  (_, n) => [n],
  () => null,
];

export function mixedDeliveries(count: number, seed: number): Deliveries {
  const random = new Random(seed);
  const first: Delivery[] = [];
  const later: Delivery[] = [];
  const good: Body[] = [];
  const bad: unknown[] = [];
  for (let n = 0; n < count; n += 1) {
    const kind = random.int(0, 9);
    if (n < 10 || kind < 4) {
      good.push(goodEvent(n, random));
      first.push({ body: good.at(-1), outcome: 'recorded' });
    } else if (kind < 6) {
      bad.push(random.pick(BREAKAGES)(goodEvent(n, random), n));
      first.push({ body: bad.at(-1), outcome: 'dead_letter' });
    } else if (kind < 7 && bad.length > 0) later.push({ body: random.pick(bad), outcome: 'dead_letter' });
    else if (kind < 8) later.push({ body: contradicting(random.pick(good), random), outcome: 'conflict' });
    else later.push({ body: repeated(random.pick(good), random), outcome: 'duplicate' });
  }
  return { first, later };
}

function goodEvent(n: number, random: Random): Body {
  const ageMs = random.pick([0, 1_000, DAY_MS, 10 * DAY_MS, 34 * DAY_MS, -4 * 60_000]);
  const of = {
    // The same id under other sources and entities is another event.
    id: `e${Math.floor(n / 2)}`,
    source: `/gateways/${n % 2}`,
    subject: `${random.pick(ENTITIES)}/p${random.int(0, 2)}`,
    time: new Date(NOON - ageMs).toISOString(),
  };
  return anEventBody(of, {
    model: LLAMA,
    usage: random.pick(USAGES)(random.int(1, 1_000)),
    ...random.pick(ODDITIES),
  });
}

/** The same content, perhaps in another form of CloudEvents or with its fields in another sequence. */
function repeated(event: Body, random: Random): Body {
  const { data, ...rest } = event;
  return random.pick<() => Body>([
    () => event,
    () => ({ data, ...rest, extension: 'of no matter' }),
    () => ({ ...event, datacontenttype: 'application/json', data: JSON.stringify(data) }),
    () => ({ ...rest, data_base64: Buffer.from(JSON.stringify(data)).toString('base64') }),
    () => ({ ...event, time: (event['time'] as string).replace('Z', '+00:00') }),
  ])();
}

function contradicting(event: Body, random: Random): Body {
  const data = event['data'] as Body;
  const time = Date.parse(event['time'] as string);
  return random.pick<() => Body>([
    () => withUsage(event, { prompt_tokens: 5_000 + random.int(0, 49), completion_tokens: 0 }),
    () => ({ ...event, time: new Date(time - 1).toISOString() }),
    () => ({ ...event, data: { ...data, model: 'cw_Qwen_QwQ-32B' } }),
    () => ({ ...event, data: { ...data, user_id: `other ${random.int(0, 19)}` } }),
    () => ({ ...event, data: { ...data, service_tier: 'batch-of-another' } }),
  ])();
}

function withUsage(event: Body, usage: Body): Body {
  return { ...event, data: { ...(event['data'] as Body), usage } };
}
