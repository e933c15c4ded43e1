/** Makes up what customers do next, and when. Everything it chooses comes from the seed and from what the model knows. */
import { DAY_MS, graceEnd, HOUR_MS, MINUTE_MS, monthOf, monthStart, SECOND_MS } from './calendar.js';
import type { Order } from './decisions.js';
import { spoil, wrap, type Delivery, type Facts } from './facts.js';
import { isInTime, type Model } from './model.js';
import { mostInput, TOKENS_MAX } from './price-versions.js';
import type { Random } from './random.js';

/** Few entities, so that what happens to them coincides. `titan` sends events of billions of tokens. */
export const ENTITIES = ['acme', 'birch', 'cedar', 'dune', 'titan'] as const;
export const PROJECTS = ['web', 'batch', 'lab'] as const;
const PRICED = ['cw_Qwen_QwQ-32B', 'cw_deepseek-ai_DeepSeek-R1', 'cw_BAAI_bge-m3'] as const;
/** Models without a price when a history begins. */
const UNPRICED = ['preview-a', 'preview-b'] as const;
export const MODELS = [...PRICED, ...PRICED, ...UNPRICED] as const;

/** How near to the turns of time things happen: a clock that a test sets lets them happen on every edge. */
export type Edges = 'exact' | 'avoided';

type Beside = { readonly countedMs?: number; readonly beside?: readonly Facts[] };

export class Generator {
  private eventCount = 0;
  private requestCount = 0;

  constructor(
    private readonly random: Random,
    private readonly model: Model,
    private readonly edges: Edges,
    private readonly name = 'event',
  ) {}

  entity(): string {
    return this.random.pick(ENTITIES);
  }

  project(): string {
    return this.random.pick(PROJECTS);
  }

  facts(nowMs: number, override: Partial<Facts> = {}): Facts {
    const { random } = this;
    this.eventCount += 1;
    const entity = override.entity ?? this.entity();
    const huge = entity === 'titan' && random.chance(0.1);
    const output = random.int(0, huge ? TOKENS_MAX : 1_000);
    return {
      source: `/gateways/${random.int(1, 3)}`,
      id: `${this.name}-${this.eventCount}`,
      entity,
      project: this.project(),
      atMs: this.eventTime(nowMs),
      model: random.pick(MODELS),
      input: random.int(0, huge ? TOKENS_MAX : 3_000),
      cached: random.chance(0.3) && !huge ? random.int(0, 1_000) : 0,
      output,
      written: random.chance(0.15) && !huge ? random.int(0, 1_000) : 0,
      reasoning: random.chance(0.3) ? random.int(0, output) : 0,
      searches: random.chance(0.1) ? random.int(1, 4) : 0,
      tier: random.weighted({ default: 12, batch: 3, flex: 3, extra: 1 }),
      unknown: random.chance(0.05) ? random.int(1, 9) : 0,
      reservationId: null,
      userId: random.chance(0.3) ? `${entity}-user-${random.int(1, 4)}` : null,
      ...override,
    };
  }

  /**
   * New events, known ones again, known ones with other content, and invalid ones. They are counted at `countedMs`, together with the
   * events `beside` them.
   */
  deliveries(count: number, nowMs: number, { countedMs = nowMs, beside = [] }: Beside = {}): Delivery[] {
    const { random } = this;
    const known = [...this.model.counted.values()]
      .slice(-500)
      .filter(({ isRepeatable }) => isRepeatable !== false);
    const fresh: Delivery[] = [];
    const firsts = new Map(beside.map(({ entity, atMs }) => [entity, atMs]));
    const at = { firsts, countedMs, nowMs };
    for (let index = 0; index < count; index += 1) {
      const kind = random.weighted({
        fresh: 80,
        again: known.length > 0 ? 10 : 0,
        other: known.length > 0 ? 4 : 0,
        bad: 6,
      });
      if (kind === 'fresh') fresh.push(wrap(this.inOneEra(this.facts(nowMs), at), random));
      if (kind === 'again') fresh.push(wrap(random.pick(known).facts, random));
      if (kind === 'other') fresh.push(wrap(this.contradicting(random.pick(known).facts), random));
      if (kind === 'bad') fresh.push(spoil(this.facts(nowMs, { atMs: nowMs }), random));
    }
    const repeated = fresh.filter(() => random.chance(0.15));
    return random.shuffled([...fresh, ...repeated]);
  }

  /**
   * Nobody knows in which order events that are delivered at once are paid. So those of an entity occur when the same grants pay for
   * them, and the order changes no sum. `firsts` is when the first of each entity occurs.
   */
  private inOneEra(
    facts: Facts,
    { firsts, countedMs, nowMs }: { firsts: Map<string, number>; countedMs: number; nowMs: number },
  ): Facts {
    if (!isInTime(facts, countedMs, nowMs)) return facts;
    const first = firsts.get(facts.entity);
    if (first === undefined) firsts.set(facts.entity, facts.atMs);
    const account = this.model.accounts.get(facts.entity);
    const eraOf = (atMs: number): string => account?.eraOf({ atMs, nowMs: countedMs }) ?? monthOf(atMs);
    return first === undefined || eraOf(first) === eraOf(facts.atMs) ? facts : { ...facts, atMs: first };
  }

  private contradicting(facts: Facts): Facts {
    return this.random.pick([
      { ...facts, input: facts.input === 7 ? 8 : 7 },
      { ...facts, output: facts.output + 1, reasoning: 0 },
      { ...facts, model: 'cw_Qwen_QwQ-32B', input: facts.input === 0 ? 1 : facts.input - 1 },
    ]);
  }

  /** Cuts deliveries into jobs: single events, small batches, now and then a large one. */
  jobs(deliveries: readonly Delivery[]): Delivery[][] {
    const jobs: Delivery[][] = [];
    for (let start = 0; start < deliveries.length;) {
      const size = this.random.pick([1, 1, 1, 2, 5, 20, 100]);
      jobs.push(deliveries.slice(start, start + size));
      start += size;
    }
    return jobs;
  }

  order(nowMs: number, override: Partial<Order> = {}): Order {
    const { random } = this;
    this.requestCount += 1;
    return {
      entity: this.entity(),
      project: this.project(),
      model: random.pick(MODELS),
      ...this.orderedInput(),
      output: random.int(0, 2_000),
      requestId: `request-${this.requestCount}-${nowMs}`,
      ttlSeconds: random.pick([1, 60, 900, 900, 86_400]),
      ...override,
    };
  }

  /** Tokens that are counted before, or texts of which only the number is known, and mostly how long they are together. */
  private orderedInput(): Pick<Order, 'input' | 'bytes' | 'inputs'> {
    const { random } = this;
    const inputs = random.pick([1, 1, 2, 3, 8, 50]);
    if (random.chance(0.6)) return { input: random.int(0, 4_000), bytes: null, inputs };
    return { input: null, bytes: random.chance(0.7) ? random.int(0, 20_000) : null, inputs };
  }

  /** The event of a request that ran: usually within its hold. */
  finishing(order: Order, reservationId: string, nowMs: number): Delivery {
    const { random } = this;
    const more = random.chance(0.1) ? 2 : 1;
    const { entity, project, model } = order;
    const price = this.model.priceFor({ model, entity, atMs: nowMs });
    const most = price === null ? 0 : mostInput(price, order);
    const input = Math.min(random.int(0, most * more), TOKENS_MAX);
    const output = random.int(0, order.output * more);
    const use = { entity, project, model, input, output, reservationId };
    const plain = { cached: 0, written: 0, reasoning: 0, searches: 0, tier: 'default', unknown: 0 } as const;
    return wrap(this.facts(nowMs, { ...use, ...plain, atMs: nowMs }), random);
  }

  /** A time to jump to: a little later, days later, or on the edge of something. */
  laterThan(nowMs: number): number {
    const { random } = this;
    const turns = [...this.model.accounts.values()].flatMap(({ grants }) =>
      grants.flatMap(({ effectiveMs, expiresMs }) => [effectiveMs, expiresMs ?? 0]),
    );
    const edge = random.pick([
      monthStart(nowMs, 1),
      graceEnd(nowMs),
      graceEnd(nowMs) - HOUR_MS / 2,
      graceEnd(monthStart(nowMs, 1)),
      Math.ceil((nowMs + 1) / HOUR_MS) * HOUR_MS,
      ...turns,
    ]);
    return random.pick([
      nowMs + random.int(1, 60) * SECOND_MS,
      nowMs + random.int(1, 20) * MINUTE_MS,
      nowMs + random.int(1, 30) * HOUR_MS,
      nowMs + random.int(1, 12) * DAY_MS,
      edge + random.int(-1, 1),
      edge + random.int(-1, 1),
    ]);
  }

  private eventTime(nowMs: number): number {
    const { random } = this;
    const recent = nowMs - random.int(0, this.edges === 'exact' ? 6 * HOUR_MS : 10 * MINUTE_MS);
    if (this.edges === 'avoided' || random.chance(0.6)) return recent;
    const turns = this.model.prices.map(({ fromMs }) => fromMs).filter((ms) => ms > nowMs - 30 * DAY_MS);
    return random.pick([
      nowMs,
      nowMs - random.int(0, 34 * DAY_MS),
      nowMs - 35 * DAY_MS,
      nowMs - 35 * DAY_MS - 1,
      nowMs + random.int(0, 5 * MINUTE_MS),
      nowMs + 5 * MINUTE_MS + 1,
      monthStart(nowMs),
      monthStart(nowMs) - 1,
      monthStart(nowMs) - random.int(1, 5 * DAY_MS),
      ...(turns.length === 0 ? [] : [random.pick(turns) - random.int(0, 1)]),
    ]);
  }
}
