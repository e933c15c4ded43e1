/**
 * What Tally should say after a history: an independent implementation in plain integers, one step after the other. It
 * shares no code with the service, so a mistake that both make is one of the design.
 */
import { readFileSync } from 'node:fs';
import { Account, add, type Limits, type Plan } from './accounts.js';
import { bookedMonth, correctedIn, DAY_MS, MINUTE_MS, monthOf } from './calendar.js';
import { saidBy, type Conflict } from './conflicts.js';
import { keyOf, type Delivery, type Facts } from './facts.js';
import { FOR_EVER, forget, type Kept } from './persons.js';
import { costOf, searchPrice, type PriceVersion } from './price-versions.js';
import { picosOf } from './usd.js';

/** By which price, with which price of a search, and at what cost. */
export type Charge = {
  readonly price: PriceVersion | null;
  readonly search: bigint | null;
  readonly cost: bigint;
};

export type Counted = {
  readonly facts: Facts;
  price: PriceVersion | null;
  /** What each search costs; null while the price has none. */
  search: bigint | null;
  cost: bigint;
  /** The month that is billed. */
  month: string;
  /** Whom it names: nobody any more once they are erased or forgotten. */
  userId: string | null;
  /** Where corrections have changed it: what it costs since, and by which price; null where it is void. */
  corrected?: Charge;
  /** False where no producer can say the same again. */
  isRepeatable?: boolean;
};

export type Extent = {
  readonly events: number;
  readonly corrections: number;
  readonly closed: number;
  /** By what was changed. */
  readonly made: ReadonlyMap<string, number>;
};

const prisma = (file: string) =>
  JSON.parse(readFileSync(new URL(`../../prisma/${file}`, import.meta.url), 'utf8'));

export class Model {
  readonly plans = new Map<string, Plan>();
  readonly accounts = new Map<string, Account>();
  readonly prices: PriceVersion[] = [];
  readonly counted = new Map<string, Counted>();
  /** By identity and other content: events that contradict what was counted. */
  readonly conflicts = new Map<string, Conflict>();
  /** Reason and body of what could not be counted, and when it came last. */
  readonly letters = new Map<string, number>();
  kept: Kept = FOR_EVER;
  /** How often each change was made. */
  readonly made = new Map<string, number>();
  /** One line for each correction. */
  readonly corrections: string[] = [];

  constructor() {
    for (const plan of prisma('plans.json')) {
      this.plans.set(plan.name, {
        monthlyCap: plan.monthly_cap_usd === null ? null : picosOf(plan.monthly_cap_usd),
        yearlyCap: plan.yearly_cap_usd === null ? null : picosOf(plan.yearly_cap_usd),
        overage: plan.overage,
        maxConcurrent: null,
        monthlyCredit: 0n,
      });
    }
    const book = prisma('price-book.json');
    for (const price of book.prices) {
      this.prices.push({
        id: '',
        model: price.model,
        entity: null,
        fromMs: Date.parse(book.effective_from),
        input: picosOf(price.input_usd_per_million) / 1_000_000n,
        cached: null,
        output: picosOf(price.output_usd_per_million) / 1_000_000n,
        written: null,
        search: null,
        batch: null,
        large: null,
        flex: false,
        maxInput: price.max_input_tokens,
      });
    }
  }

  get extent(): Extent {
    const closed = [...this.accounts.values()].reduce((sum, account) => sum + account.closed.size, 0);
    return { events: this.counted.size, corrections: this.corrections.length, closed, made: this.made };
  }

  /** The account, made with the default plan where the entity is unknown. */
  account(name: string, nowMs: number): Account {
    let account = this.accounts.get(name);
    if (account === undefined) this.accounts.set(name, (account = new Account(name, nowMs)));
    return account;
  }

  private project(entity: string, project: string, nowMs: number): void {
    const { projects } = this.account(entity, nowMs);
    if (!projects.has(project))
      projects.set(project, { monthlyCap: null, maxConcurrent: null, ownersCap: null });
  }

  /** Reading an account grants what its plan allows for the month, and charging it what the plan allows for the charged one. */
  touch(entity: string, nowMs: number, month = monthOf(nowMs)): void {
    const account = this.accounts.get(entity);
    account?.ensureAllowance(this.plans.get(account.plan)!.monthlyCredit, { month, nowMs });
  }

  /** The limits in force. */
  limitsOf(entity: string): Limits {
    const account = this.accounts.get(entity);
    const limits = { ...this.plans.get(account?.plan ?? 'free')!, ...account?.own };
    return { ...limits, monthlyCap: lower(limits.monthlyCap, account?.ownersCap ?? null) };
  }

  /** The project's cap in force. */
  projectCap(entity: string, project: string): bigint | null {
    const found = this.accounts.get(entity)?.projects.get(project);
    return found === undefined ? null : lower(found.monthlyCap, found.ownersCap);
  }

  /**
   * An event that reached a worker, and was handed over at `addedMs`; true where it ends the hold of its request, which has run: also where
   * it contradicts what is counted.
   */
  deliver(delivery: Delivery, nowMs: number, addedMs = nowMs): boolean {
    const { facts, body } = delivery;
    const code =
      facts === null ? delivery.code : isInTime(facts, nowMs, addedMs) ? null : 'time_out_of_range';
    if (facts !== null && code === null) {
      this.count(facts, nowMs);
      return true;
    }
    this.letters.set(`${code} ${JSON.stringify(body)}`, Date.now());
    return false;
  }

  count(facts: Facts, nowMs: number): void {
    const known = this.counted.get(keyOf(facts));
    if (known === undefined) {
      const { atMs, userId } = facts;
      const counted = {
        facts,
        price: null,
        search: null,
        cost: 0n,
        month: bookedMonth(atMs, nowMs),
        userId,
      };
      this.counted.set(keyOf(facts), counted);
      this.project(facts.entity, facts.project, nowMs);
      // Usage without a price begins a month of its entity too.
      add(this.account(facts.entity, nowMs).spend, counted.month, 0n);
      this.touch(facts.entity, nowMs);
      this.touch(facts.entity, nowMs, counted.month);
      this.charge(counted, nowMs);
    } else if (JSON.stringify(known.facts) !== JSON.stringify(facts)) {
      const { userId } = facts;
      const before = this.conflicts.get(saidBy(facts));
      this.conflicts.set(saidBy(facts), { facts, userId, status: 'open', ...before, seenMs: nowMs });
    }
  }

  /**
   * Charges what has a price by now and had none before; what is charged keeps its price for ever. First what its open month had no
   * charge for, then what is a correction, each in the order of occurrence.
   */
  chargeUnpriced(nowMs: number): void {
    const isLate = ({ price, corrected, month }: Counted): boolean =>
      price !== null || corrected !== undefined || correctedIn(month, nowMs) !== month;
    const inOrder = [...this.counted.values()].sort(
      (a, b) => Number(isLate(a)) - Number(isLate(b)) || a.facts.atMs - b.facts.atMs,
    );
    for (const counted of inOrder) {
      if (counted.price === null && counted.corrected === undefined) this.charge(counted, nowMs);
      else this.chargeSearches(counted, nowMs);
    }
  }

  /** Searches that waited are charged apart from the rest, which keeps its price. */
  private chargeSearches(counted: Counted, nowMs: number): void {
    const { facts } = counted;
    const now: Charge = counted.corrected ?? counted;
    if (facts.searches === 0 || now.price === null || now.search !== null) return;
    const { entity, project, model, atMs, source, id } = facts;
    const inForce = this.priceFor({ model, entity, atMs });
    const search = inForce === null ? null : searchPrice(facts, inForce);
    if (search === null) return;
    const more = BigInt(facts.searches) * search;
    const month = correctedIn(counted.month, nowMs);
    counted.corrected = { price: now.price, search, cost: now.cost + more };
    const prices = [now.price.id, now.price.id];
    const costs = [now.cost, now.cost + more];
    this.corrections.push([source, id, 'rerate', month, counted.month, ...prices, ...costs].join(' '));
    this.touch(entity, nowMs);
    this.account(entity, nowMs).charge({ month, project, cost: more, atMs, nowMs });
  }

  /** The scheduled jobs. */
  upkeep(nowMs: number): void {
    this.chargeUnpriced(nowMs);
    forget(this, nowMs);
    for (const account of this.accounts.values()) {
      account.writeOffExpired(nowMs);
      account.close(nowMs);
    }
  }

  private charge(counted: Counted, nowMs: number): void {
    const { facts } = counted;
    const { entity, project } = facts;
    const price = this.priceFor({ model: facts.model, entity, atMs: facts.atMs });
    if (price === null) return;
    const cost = costOf(facts, price);
    const month = correctedIn(counted.month, nowMs);
    if (month === counted.month) {
      counted.price = price;
      counted.search = searchPrice(facts, price);
      counted.cost = cost;
    } else {
      // A closed month stays as it was; the charge is a correction of it.
      counted.corrected = { price, search: searchPrice(facts, price), cost };
      const { source, id } = facts;
      this.corrections.push([source, id, 'rerate', month, counted.month, 0, price.id, 0, cost].join(' '));
    }
    this.touch(entity, nowMs);
    this.account(entity, nowMs).charge({ month, project, cost, atMs: facts.atMs, nowMs });
  }

  /** The entity's own price goes before the list price, the later one before the earlier one. */
  priceFor({ model, entity, atMs }: { model: string; entity: string; atMs: number }): PriceVersion | null {
    const inForce = this.prices.filter(
      (price) =>
        price.model === model && price.fromMs <= atMs && (price.entity === null || price.entity === entity),
    );
    const own = inForce.filter((price) => price.entity !== null);
    return (own.length > 0 ? own : inForce).reduce<PriceVersion | null>(
      (latest, price) => (latest === null || price.fromMs > latest.fromMs ? price : latest),
      null,
    );
  }
}

/** Usage may lie five minutes ahead of now and 35 days back, and as much more as it has waited in the queue, up to six days. */
export function isInTime({ atMs }: Pick<Facts, 'atMs'>, nowMs: number, addedMs = nowMs): boolean {
  const waitedMs = Math.min(nowMs - addedMs, 6 * DAY_MS);
  return atMs <= nowMs + 5 * MINUTE_MS && atMs >= nowMs - 35 * DAY_MS - waitedMs;
}

function lower(a: bigint | null, b: bigint | null): bigint | null {
  if (a === null || b === null) return a ?? b;
  return a < b ? a : b;
}
