/** Makes up what happens next. Everything it chooses comes from the seed and from what the model knows. */
import type { Limits } from './accounts.js';
import { DAY_MS, graceEnd, HOUR_MS, MINUTE_MS, monthStart, SECOND_MS } from './calendar.js';
import type { Change } from './changes.js';
import type { Order } from './decisions.js';
import { spoil, wrap, type Delivery, type Facts } from './facts.js';
import type { Model } from './model.js';
import type { Random } from './random.js';

/** Everything happens to few, so that it meets. `titan` sends events of billions of tokens. */
export const ENTITIES = ['acme', 'birch', 'cedar', 'dune', 'titan'] as const;
export const PROJECTS = ['web', 'batch', 'lab'] as const;
const PRICED = ['cw_Qwen_QwQ-32B', 'cw_deepseek-ai_DeepSeek-R1', 'cw_BAAI_bge-m3'] as const;
/** Nobody has published a price of these when a history begins. */
const UNPRICED = ['preview-a', 'preview-b'] as const;
const MODELS = [...PRICED, ...PRICED, ...UNPRICED] as const;
const TOKENS_MAX = 2 ** 31 - 1;

export class Generator {
  private eventCount = 0;
  private requestCount = 0;

  constructor(
    private readonly random: Random,
    private readonly model: Model,
    /** How far from now events lie: a clock that a test sets lets them lie on every edge. */
    private readonly edges: 'exact' | 'avoided',
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
      reasoning: random.chance(0.3) ? random.int(0, output) : 0,
      reservationId: null,
      userId: random.chance(0.2) ? `user-${random.int(1, 5)}` : null,
      ...override,
    };
  }

  /** New events, known ones again, known ones that say something else, and nonsense. */
  deliveries(count: number, nowMs: number): Delivery[] {
    const { random } = this;
    const known = [...this.model.counted.values()].slice(-500);
    const fresh: Delivery[] = [];
    for (let index = 0; index < count; index += 1) {
      const kind = random.weighted({
        fresh: 80,
        again: known.length > 0 ? 10 : 0,
        other: known.length > 0 ? 4 : 0,
        bad: 6,
      });
      if (kind === 'fresh') fresh.push(wrap(this.facts(nowMs), random));
      if (kind === 'again') fresh.push(wrap(random.pick(known).facts, random));
      if (kind === 'other') fresh.push(wrap(this.contradicting(random.pick(known).facts), random));
      if (kind === 'bad') fresh.push(spoil(this.facts(nowMs, { atMs: nowMs }), random));
    }
    const repeated = fresh.filter(() => random.chance(0.15));
    return random.shuffled([...fresh, ...repeated]);
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
      input: random.int(0, 4_000),
      output: random.int(0, 2_000),
      requestId: `request-${this.requestCount}-${nowMs}`,
      ttlSeconds: random.pick([1, 60, 900, 900, 86_400]),
      ...override,
    };
  }

  /** The event of a request that ran: usually within its hold. */
  finishing(order: Order, reservationId: string, nowMs: number): Delivery {
    const { random } = this;
    const more = random.chance(0.1) ? 2 : 1;
    const { entity, project, model } = order;
    const input = random.int(0, order.input * more);
    const output = random.int(0, order.output * more);
    const use = { entity, project, model, input, output, cached: 0, reasoning: 0, reservationId };
    return wrap(this.facts(nowMs, { ...use, atMs: nowMs }), random);
  }

  change(nowMs: number): Change {
    const { random } = this;
    const entity = this.entity();
    const what = random.weighted({
      grant: 8,
      'void grant': 2,
      limits: 6,
      'project limits': 4,
      entity: 2,
      plan: 2,
      price: 4,
    });
    if (what === 'void grant') return this.voidingGrant(nowMs) ?? this.grant(entity, nowMs);
    if (what === 'grant') return this.grant(entity, nowMs);
    if (what === 'limits') return { what, entity, limits: this.someLimits() };
    if (what === 'project limits') {
      return {
        what,
        entity,
        project: this.project(),
        monthlyCap: this.cap(),
        maxConcurrent: this.concurrency(),
      };
    }
    if (what === 'entity') return { what, entity, plan: random.pick([...this.model.plans.keys()]) };
    if (what === 'price') return this.price(nowMs);
    const credit = random.chance(0.5) ? BigInt(random.int(1, 50)) * 10n ** 9n : 0n;
    const values = { ...this.allLimits(), monthlyCredit: credit };
    return { what, plan: random.pick(['pro', 'team']), values };
  }

  private grant(entity: string, nowMs: number): Change {
    const { random } = this;
    const later = this.edges === 'exact' && random.chance(0.2) ? nowMs + random.int(1, 96) * HOUR_MS : null;
    // Few ends, so that grants share them and the rest of the burn order decides.
    const ends = this.edges === 'exact' ? [monthStart(nowMs, 1) + 10 * DAY_MS, monthStart(nowMs, 2)] : [];
    const soon = Math.ceil((nowMs + (this.edges === 'exact' ? 5 : 40) * DAY_MS) / (7 * DAY_MS)) * 7 * DAY_MS;
    return {
      what: 'grant',
      entity,
      // To the last picodollar.
      amount: BigInt(random.int(1, 400)) * 10n ** 9n + BigInt(random.int(0, 999_999_999)),
      category: random.pick(['paid', 'promotional']),
      priority: random.pick([0, 50, 50, 50, 100]),
      effectiveMs: later,
      expiresMs: random.chance(0.5) ? random.pick([soon, soon, ...ends]) : null,
    };
  }

  private voidingGrant(nowMs: number): Change | null {
    const found = [...this.model.accounts.values()].flatMap(({ name, grants }) =>
      grants
        .filter(({ remaining, expiresMs }) => remaining > 0n && (expiresMs === null || expiresMs > nowMs))
        .map(({ id }) => ({ what: 'void grant' as const, entity: name, grantId: id })),
    );
    return found.length === 0 ? null : this.random.pick(found);
  }

  private price(nowMs: number): Change {
    const { random } = this;
    const from =
      this.edges === 'exact'
        ? [nowMs - 2 * HOUR_MS, nowMs, nowMs + HOUR_MS]
        : [nowMs - HOUR_MS, nowMs + MINUTE_MS];
    const taken = new Set(this.model.prices.map(({ fromMs }) => fromMs));
    let fromMs = random.pick(from);
    while (taken.has(fromMs)) fromMs -= 1;
    return {
      what: 'price',
      model: random.pick(MODELS),
      entity: random.chance(0.3) ? this.entity() : null,
      fromMs,
      input: BigInt(random.int(0, 3_000_000)),
      cached: random.chance(0.5) ? BigInt(random.int(0, 3_000_000)) : null,
      output: BigInt(random.int(0, 6_000_000)),
    };
  }

  private someLimits(): Partial<Limits> {
    const all = this.allLimits();
    return Object.fromEntries(Object.entries(all).filter(() => this.random.chance(0.5)));
  }

  private allLimits(): Limits {
    const { random } = this;
    return {
      monthlyCap: this.cap(),
      yearlyCap: random.chance(0.3) ? this.cap() : null,
      overage: random.pick(['blocked', 'allowed']),
      maxConcurrent: this.concurrency(),
    };
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

  private cap(): bigint | null {
    if (this.random.chance(0.3)) return null;
    return BigInt(this.random.int(0, 2_000)) * 10n ** 9n + BigInt(this.random.int(0, 999));
  }

  private concurrency(): number | null {
    return this.random.chance(0.7) ? null : this.random.int(0, 8);
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
