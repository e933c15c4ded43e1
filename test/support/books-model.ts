/**
 * The books in plain bigint arithmetic, event by event: what the database must say after any history of records, voids,
 * re-ratings, grants, voided and frozen grants, debts, expiries and closes. Shares nothing with src but the calendar's rules, restated here.
 */

const HOUR_MS = 3_600_000;
const GRACE_MS = 72 * HOUR_MS;

export type ModelGrant = {
  readonly id: string;
  readonly amount: bigint;
  readonly priority: number;
  /** Null where it is valid from the moment it is made. */
  readonly startMs: number | null;
  readonly expiresMs: number | null;
  readonly createdMs: number;
  left: bigint;
  burnt: bigint;
  gone: bigint;
  isVoided: boolean;
  isFrozen: boolean;
  /** What it paid of debts. */
  repaid: bigint;
  /** What is owed for it, in the order of its debts. */
  indebted: bigint;
};

type Debt = { readonly grant: ModelGrant; due: bigint };

type Payment = { grant: ModelGrant | null; amount: bigint };
type ModelEvent = {
  readonly tokens: bigint;
  readonly occurredMs: number;
  readonly period: string;
  cost: bigint;
  isVoided: boolean;
  payments: Payment[];
};
type Spend = { cost: bigint; burnt: bigint };

export class BooksModel {
  readonly grants: ModelGrant[] = [];
  readonly events: ModelEvent[] = [];
  readonly spend = new Map<string, Spend>();
  readonly closed = new Map<string, Spend>();
  readonly debts: Debt[] = [];

  constructor(private price: bigint) {}

  grant(grant: Pick<ModelGrant, 'id' | 'amount' | 'priority' | 'startMs' | 'expiresMs' | 'createdMs'>): void {
    this.grants.push({
      ...grant,
      left: grant.amount,
      burnt: 0n,
      gone: 0n,
      repaid: 0n,
      indebted: 0n,
      isVoided: false,
      isFrozen: false,
    });
    this.settle(grant.createdMs);
  }

  /** The most that can be taken back of it. */
  takeable(index: number): bigint {
    const { left, burnt, repaid, indebted } = this.grants[index]!;
    return left + burnt + repaid - indebted;
  }

  takeBack(index: number, amount: bigint, nowMs: number): void {
    const grant = this.grants[index]!;
    const taken = amount < grant.left ? amount : grant.left;
    grant.left -= taken;
    grant.gone += taken;
    if (taken === amount) return;
    grant.indebted += amount - taken;
    this.debts.push({ grant, due: amount - taken });
    this.settle(nowMs);
  }

  freeze(index: number, isFrozen: boolean, nowMs: number): void {
    this.grants[index]!.isFrozen = isFrozen;
    this.settle(nowMs);
  }

  get owed(): bigint {
    return this.debts.reduce((sum, { due }) => sum + due, 0n);
  }

  private settle(nowMs: number): void {
    for (const debt of this.debts) {
      for (const grant of this.grants.toSorted(burnOrder)) {
        if (grant.isFrozen || nowMs >= (grant.expiresMs ?? Infinity)) continue;
        if (grant.isVoided && grant !== debt.grant) continue;
        const part = debt.due < grant.left ? debt.due : grant.left;
        grant.left -= part;
        grant.repaid += part;
        debt.due -= part;
      }
    }
  }

  voidGrant(index: number): void {
    const grant = this.grants[index]!;
    grant.isVoided = true;
    this.writeOff(grant);
  }

  expire(nowMs: number): void {
    for (const grant of this.grants) {
      if (!grant.isFrozen && (grant.expiresMs ?? Infinity) + GRACE_MS <= nowMs) this.writeOff(grant);
    }
  }

  record(tokens: bigint, { occurredMs, nowMs }: { occurredMs: number; nowMs: number }): void {
    const period = bookingPeriod(monthOf(occurredMs), nowMs);
    const event: ModelEvent = { tokens, occurredMs, period, cost: 0n, isVoided: false, payments: [] };
    this.events.push(event);
    this.change(event, tokens * this.price, { period, nowMs });
  }

  void(index: number, nowMs: number): void {
    const event = this.events[index]!;
    if (event.isVoided) return;
    event.isVoided = true;
    this.change(event, 0n, { period: bookingPeriod(event.period, nowMs), nowMs });
    this.afterCorrections(nowMs);
  }

  /** A new price for everything there is, in the order of occurrence. What is cheaper now is given back before what is dearer is charged. */
  rerate(price: bigint, nowMs: number): void {
    this.price = price;
    const events = this.events
      .filter((event) => !event.isVoided)
      .toSorted((a, b) => a.occurredMs - b.occurredMs);
    for (const part of [-1n, 1n]) {
      for (const event of events) {
        const cost = event.tokens * price;
        if ((cost - event.cost) * part > 0n) {
          this.change(event, cost, { period: bookingPeriod(event.period, nowMs), nowMs });
        }
      }
    }
    this.afterCorrections(nowMs);
  }

  /** What came back pays what is owed, and the rest of what came back to voided grants is void. */
  private afterCorrections(nowMs: number): void {
    this.settle(nowMs);
    for (const grant of this.grants) if (grant.isVoided) this.writeOff(grant);
  }

  close(nowMs: number): void {
    for (const [period, spend] of this.spend) {
      if (!isOpen(period, nowMs) && !this.closed.has(period)) this.closed.set(period, { ...spend });
    }
  }

  private change(
    event: ModelEvent,
    cost: bigint,
    { period, nowMs }: { period: string; nowMs: number },
  ): void {
    const before = burntBy(event);
    if (cost < event.cost) this.giveBack(event, event.cost - cost);
    else this.pay(event, cost - event.cost, nowMs);
    const spend = this.spend.get(period) ?? { cost: 0n, burnt: 0n };
    spend.cost += cost - event.cost;
    spend.burnt += burntBy(event) - before;
    this.spend.set(period, spend);
    event.cost = cost;
  }

  private pay(event: ModelEvent, amount: bigint, nowMs: number): void {
    let due = amount;
    for (const grant of this.grants.toSorted(burnOrder)) {
      if (grant.isFrozen || grant.isVoided || !pays(grant, event.occurredMs, nowMs)) continue;
      const part = due < grant.left ? due : grant.left;
      if (part === 0n) continue;
      grant.left -= part;
      grant.burnt += part;
      event.payments.push({ grant, amount: part });
      due -= part;
    }
    if (due > 0n) event.payments.push({ grant: null, amount: due });
  }

  /** Overage first, then the grants against their burn order. */
  private giveBack(event: ModelEvent, amount: bigint): void {
    let due = amount;
    const lastFirst = [null, ...this.grants.toSorted(burnOrder).toReversed()];
    for (const grant of lastFirst) {
      for (const payment of event.payments.filter((one) => one.grant === grant)) {
        const part = due < payment.amount ? due : payment.amount;
        payment.amount -= part;
        due -= part;
        if (grant === null) continue;
        grant.burnt -= part;
        grant.left += part;
      }
    }
  }

  private writeOff(grant: ModelGrant): void {
    grant.gone += grant.left;
    grant.left = 0n;
  }
}

/**
 * What occurred while the grant was valid and is booked within three days of its expiry; without a start, also what occurred before it was
 * made and is booked before its expiry.
 */
function pays({ startMs, expiresMs, createdMs }: ModelGrant, occurredMs: number, nowMs: number): boolean {
  const expiry = expiresMs ?? Infinity;
  if (occurredMs >= expiry || nowMs >= expiry + GRACE_MS) return false;
  if (occurredMs >= (startMs ?? createdMs)) return true;
  return startMs === null && nowMs < expiry;
}

function burntBy(event: ModelEvent): bigint {
  return event.payments.reduce((sum, { grant, amount }) => (grant === null ? sum : sum + amount), 0n);
}

function burnOrder(a: ModelGrant, b: ModelGrant): number {
  if (a.priority !== b.priority) return a.priority - b.priority;
  const [expiryA, expiryB] = [a.expiresMs ?? 1e15, b.expiresMs ?? 1e15];
  return expiryA - expiryB || a.createdMs - b.createdMs || (a.id < b.id ? -1 : 1);
}

function monthOf(ms: number): string {
  return new Date(ms).toISOString().slice(0, 7);
}

function isOpen(period: string, nowMs: number): boolean {
  const [year, month] = period.split('-').map(Number) as [number, number];
  return nowMs < Date.UTC(year, month, 1) + GRACE_MS;
}

function bookingPeriod(period: string, nowMs: number): string {
  return isOpen(period, nowMs) ? period : monthOf(nowMs);
}
