/** Makes up what admins change next. Everything it chooses comes from the seed and from what the model knows. */
import type { Limits } from './accounts.js';
import { DAY_MS, HOUR_MS, isClosable, MINUTE_MS, monthOf, monthStart } from './calendar.js';
import type { Change } from './changes.js';
import { conflictChange } from './conflicts.js';
import { isOver } from './grants.js';
import { isVoid, mispriced, type Rerating } from './corrections.js';
import { ENTITIES, MODELS, PROJECTS, type Edges } from './generator.js';
import type { Model } from './model.js';
import type { Random } from './random.js';

/** Events that Tally re-rates in one transaction. */
const TOGETHER_MAX = 500;

const LIMITS: ReadonlySet<string> = new Set(['limits', 'owner limit', 'project limits']);
const LIMIT_NAMES = ['monthlyCap', 'yearlyCap', 'overage', 'maxConcurrent'] as const;

export class Admins {
  private resolvedCount = 0;

  constructor(
    private readonly random: Random,
    private readonly model: Model,
    private readonly edges: Edges,
  ) {}

  change(nowMs: number): Change {
    const { random } = this;
    const entity = random.pick(ENTITIES);
    const what = random.weighted({
      grant: 10,
      take: 12,
      freeze: 8,
      erase: this.edges === 'exact' ? 3 : 0,
      // What is forgotten may come again in the same moment while everything runs at once.
      retention: this.edges === 'exact' ? 2 : 0,
      limits: 6,
      // Over faults no customer changes its limit: only the admin there asks until it is answered.
      'owner limit': this.edges === 'exact' ? 5 : 0,
      'project limits': 4,
      entity: 2,
      plan: 2,
      price: 8,
      void: 14,
      rerate: MODELS.some((model) => this.isMispriced(model)) ? 14 : 1,
      repair: 2,
      conflicts: 8,
    });
    if (what === 'conflicts') return this.resolving(nowMs) ?? this.granting(entity, nowMs);
    if (what === 'void') return this.voiding(nowMs) ?? this.granting(entity, nowMs);
    if (what === 'rerate') return this.rerating(nowMs);
    if (what === 'repair')
      return this.model.accounts.has(entity) ? { what, entity } : this.granting(entity, nowMs);
    if (what === 'take') return this.taking(nowMs) ?? this.granting(entity, nowMs);
    if (what === 'freeze') return this.freezing() ?? this.granting(entity, nowMs);
    if (what === 'erase') return this.erasing() ?? this.granting(entity, nowMs);
    if (what === 'retention') return this.retention();
    if (what === 'grant') return this.granting(entity, nowMs);
    if (LIMITS.has(what) && !this.model.accounts.has(entity)) return { what: 'entity', entity, plan: 'free' };
    if (what === 'limits') return this.limits(entity);
    if (what === 'owner limit') return this.ownerLimit(entity);
    if (what === 'project limits') {
      return {
        what,
        entity,
        project: random.pick(PROJECTS),
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

  /** Who buys has to exist. */
  private granting(entity: string, nowMs: number): Change {
    return this.model.accounts.has(entity)
      ? this.grant(entity, nowMs)
      : { what: 'entity', entity, plan: 'free' };
  }

  grant(entity: string, nowMs: number): Change & { what: 'grant' } {
    const { random } = this;
    const later = this.edges === 'exact' && random.chance(0.2) ? nowMs + random.int(1, 96) * HOUR_MS : null;
    // Few ends, so that grants share them and the rest of the burn order decides.
    const ends = this.edges === 'exact' ? [monthStart(nowMs, 1) + 10 * DAY_MS, monthStart(nowMs, 2)] : [];
    const soon = Math.ceil((nowMs + (this.edges === 'exact' ? 5 : 40) * DAY_MS) / (7 * DAY_MS)) * 7 * DAY_MS;
    return {
      what: 'grant',
      entity,
      // To the last picodollar; small ones share the cost of an event.
      amount: BigInt(random.int(0, random.pick([4, 400]))) * 10n ** 9n + BigInt(random.int(1, 999_999_999)),
      category: random.pick(['paid', 'promotional']),
      priority: random.pick([0, 50, 50, 50, 100]),
      effectiveMs: later,
      expiresMs: random.chance(0.5) ? random.pick([soon, soon, ...ends]) : null,
    };
  }

  /** Voids and refunds, of what is left and of what usage has burnt; now and then of more than there was. */
  private taking(nowMs: number): Change | null {
    const { random } = this;
    const found = ENTITIES.flatMap((entity) => {
      const account = this.model.accounts.get(entity);
      return (account?.grants ?? [])
        .filter((grant) => grant.isFrozen || !isOver(grant, nowMs))
        .map((grant) => ({ entity, account: account!, grant }));
    });
    if (found.length === 0) return null;
    const { entity, account, grant } = random.pick(found);
    const most = account.takeable(grant);
    const part = (BigInt(random.int(1, 1_000)) * most) / 1_000n;
    const some = random.pick([part, part, most, grant.remaining, grant.remaining + 1n]);
    // Over faults nothing is asked that is refused.
    const isExact = this.edges === 'exact';
    const amount = isExact && random.chance(0.1) ? most + 1n : some > most ? most : some;
    const isRefund = (grant.category === 'paid' || (isExact && random.chance(0.1))) && random.chance(0.5);
    const isAll = amount <= 0n || random.chance(0.2);
    return { what: 'take', entity, grantId: grant.id, amount: isAll ? null : amount, isRefund };
  }

  private freezing(): Change | null {
    const found = ENTITIES.flatMap((entity) =>
      (this.model.accounts.get(entity)?.grants ?? []).map((grant) => ({ entity, grant })),
    );
    if (found.length === 0) return null;
    // What is left matters, and so does what somebody owes.
    const frozen = found.filter(({ grant }) => grant.isFrozen);
    const full = found.filter(({ grant }) => grant.remaining > 0n);
    const kinds = [found, frozen, frozen.filter(({ grant }) => grant.remaining > 0n), full];
    const { entity, grant } = this.random.pick(this.random.pick(kinds.filter((some) => some.length > 0)));
    return { what: grant.isFrozen ? 'unfreeze' : 'freeze', entity, grantId: grant.id };
  }

  private resolving(nowMs: number): Change | null {
    this.resolvedCount += 1;
    const note = `simulated ${this.resolvedCount}`;
    return conflictChange(this.random, this.model, { nowMs, isExact: this.edges === 'exact', note });
  }

  private erasing(): Change | null {
    const named = [...this.model.counted.values()].filter(({ userId }) => userId !== null);
    if (named.length === 0) return null;
    const { facts, userId } = this.random.pick(named);
    return { what: 'erase', entity: facts.entity, userId: userId! };
  }

  private retention(): Change {
    const { random } = this;
    const kept = {
      personal_data: random.pick([null, 3, 3, 13]),
      dead_letters: random.pick([null, null, 1, 13]),
      conflicts: random.pick([null, null, 1, 13]),
      jobs: random.pick([null, 1]),
      idempotency_keys: random.pick([null, 1]),
    };
    return {
      what: 'retention',
      kept: Object.fromEntries(Object.entries(kept).filter(() => random.chance(0.6))),
    };
  }

  private price(nowMs: number): Change {
    const { random } = this;
    const from =
      this.edges === 'exact'
        ? [nowMs - 2 * HOUR_MS, nowMs, nowMs + HOUR_MS, monthStart(nowMs), monthStart(nowMs, -1)]
        : [nowMs - HOUR_MS, nowMs + MINUTE_MS];
    const taken = new Set(this.model.prices.map(({ fromMs }) => fromMs));
    let fromMs = random.pick(from);
    while (taken.has(fromMs)) fromMs -= 1;
    return { ...this.aPrice(), fromMs };
  }

  /** From the beginning of time. */
  aPrice(): Change & { what: 'price' } {
    const { random } = this;
    return {
      what: 'price',
      model: random.pick(MODELS),
      entity: random.chance(0.3) ? this.someone() : null,
      fromMs: 0,
      input: BigInt(random.int(0, 3_000_000)),
      cached: random.chance(0.5) ? BigInt(random.int(0, 3_000_000)) : null,
      output: BigInt(random.int(0, 6_000_000)),
      written: random.chance(0.5) ? BigInt(random.int(0, 4_000_000)) : null,
      search: random.chance(0.5) ? BigInt(random.int(0, 10_000_000_000)) : null,
      batch: random.chance(0.5)
        ? { input: BigInt(random.int(0, 2_000_000)), output: BigInt(random.int(0, 3_000_000)) }
        : null,
      large: random.chance(0.4)
        ? { above: random.int(0, 4_000), input: BigInt(random.int(0, 5_000_000)) }
        : null,
      flex: random.chance(0.5),
      maxInput: random.pick([256, 8_192]),
    };
  }

  /** Whom a price or a re-rating names has to exist. */
  private someone(): string | null {
    const known = ENTITIES.filter((entity) => this.model.accounts.has(entity));
    return known.length > 0 ? this.random.pick(known) : null;
  }

  /** An event of any kind: one that was voided before, has no price, came late, or lies in a closed month. */
  private voiding(nowMs: number): Change | null {
    const { random } = this;
    const all = [...this.model.counted.values()];
    const kinds = [
      all.slice(-300),
      all,
      all.filter(isVoid),
      all.filter(({ price }) => price === null),
      all.filter(({ facts, month }) => month !== monthOf(facts.atMs)),
      all.filter(({ month }) => isClosable(month, nowMs)),
      all.filter(({ corrected }) => corrected !== undefined && corrected.price !== null),
    ].filter((some) => some.length > 0);
    if (kinds.length === 0) return null;
    const event = random.pick(random.pick(kinds));
    // An event older than the acceptance window is found only by its time.
    const saysTime = nowMs - event.facts.atMs > 35 * DAY_MS || random.chance(0.3);
    return { what: 'void', event, saysTime };
  }

  private isMispriced(model: string): boolean {
    const range = { entity: null, fromMs: 0, toMs: Infinity };
    return mispriced(this.model, { model, ...range }).length > 0;
  }

  /** Months of one model by the price book as it is now; mostly of one for which that changes something. */
  private rerating(nowMs: number): Change {
    const { random } = this;
    const back = random.int(0, 3);
    const range = {
      entity: random.chance(0.5) ? this.someone() : null,
      fromMs: monthStart(nowMs, -back),
      toMs: monthStart(nowMs, 1 - random.int(0, back)),
    };
    const orders = MODELS.map((model) => ({ ...range, model }));
    const changing = orders.filter((order) => mispriced(this.model, order).length > 0);
    const order = random.pick(changing.length > 0 && random.chance(0.8) ? changing : orders);
    return { what: 'rerate', ...this.inOneGo(order) };
  }

  /** At most as many events of one entity as Tally corrects in one transaction: credits that a later one gives back do not pay in it. */
  private inOneGo(order: Rerating): Rerating {
    const changes = mispriced(this.model, order);
    const of = (entity: string) => changes.filter(({ counted }) => counted.facts.entity === entity);
    const large = ENTITIES.find((entity) => of(entity).length > TOGETHER_MAX);
    if (large === undefined) return order;
    return { ...order, entity: large, toMs: of(large)[TOGETHER_MAX]!.counted.facts.atMs };
  }

  private limits(entity: string): Change {
    const limits = this.someLimits();
    const inherited = LIMIT_NAMES.filter((name) => !(name in limits) && this.random.chance(0.15));
    return { what: 'limits', entity, limits, inherited };
  }

  /** Removes what is set, or sets another. */
  private ownerLimit(entity: string): Change {
    const account = this.model.accounts.get(entity)!;
    const project = this.random.chance(0.5) ? this.random.pick(PROJECTS) : null;
    const now = project === null ? account.ownersCap : (account.projects.get(project)?.ownersCap ?? null);
    const isRemoved = now !== null && this.random.chance(0.4);
    // Whole cents of 0 would mean a limit that is there already.
    const cap = BigInt(this.random.int(10, 2_000)) * 10n ** 9n + BigInt(this.random.int(0, 999));
    return { what: 'owner limit', entity, project, cap: isRemoved ? null : cap };
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

  private cap(): bigint | null {
    if (this.random.chance(0.3)) return null;
    return BigInt(this.random.int(0, 2_000)) * 10n ** 9n + BigInt(this.random.int(0, 999));
  }

  private concurrency(): number | null {
    return this.random.chance(0.7) ? null : this.random.int(0, 8);
  }
}
