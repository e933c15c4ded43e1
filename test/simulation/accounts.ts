/** The model's books of one entity: grants, spend and holds in plain integers. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { firstMs, GRACE_MS, isClosable, monthAfter, monthOf } from './calendar.js';

export type Limits = {
  monthlyCap: bigint | null;
  yearlyCap: bigint | null;
  overage: 'blocked' | 'allowed';
  maxConcurrent: number | null;
};

/** `ownersCap` is what the customer has set for itself, beside the cap: the lower one counts. */
export type Project = { monthlyCap: bigint | null; maxConcurrent: number | null; ownersCap: bigint | null };

export type Plan = Limits & { monthlyCredit: bigint };

export type Grant = {
  readonly id: string;
  readonly category: 'paid' | 'promotional';
  readonly priority: number;
  readonly amount: bigint;
  readonly effectiveMs: number;
  /** An allowance's, or one that somebody chose: it pays nothing from before. */
  readonly hasStart: boolean;
  /** Whose statement has it: the month of an allowance, of others that in which they were made. */
  readonly month: string;
  readonly expiresMs: number | null;
  /** Orders grants that nothing else orders. */
  readonly createdMs: number;
  remaining: bigint;
  burnt: bigint;
  voided: bigint;
  expired: bigint;
  /** Credits that come back to it are void. */
  isVoided: boolean;
};

/** What occurred at `atMs` and is booked now. */
type When = { readonly atMs: number; readonly nowMs: number };
type ChargeOf = When & { readonly month: string; readonly project: string; readonly cost: bigint };

export type Hold = {
  readonly project: string;
  readonly picos: bigint;
  /** Weighed against the limits. */
  readonly nanos: bigint;
  readonly content: string;
  expiresMs: number;
};

export class Account {
  plan = 'free';
  own: Partial<Limits> = {};
  ownersCap: bigint | null = null;
  readonly projects = new Map<string, Project>();
  readonly grants: Grant[] = [];
  /** By month, and by `month project`. */
  readonly spend = new Map<string, bigint>();
  readonly projectSpend = new Map<string, bigint>();
  burnt = 0n;
  overage = 0n;
  /** By month: what it cost when it was closed. */
  readonly closed = new Map<string, bigint>();
  private readonly allowances = new Set<string>();

  constructor(
    readonly name: string,
    readonly createdMs: number,
  ) {}

  /** Takes the cost of what occurred at `atMs` out of the grants that pay it, in burn order; what is left is overage. */
  charge({ month, project, cost, ...when }: ChargeOf): void {
    add(this.spend, month, cost);
    add(this.projectSpend, `${month} ${project}`, cost);
    let due = cost;
    for (const grant of this.grants.filter((each) => pays(each, when)).sort(byBurnOrder)) {
      const part = due < grant.remaining ? due : grant.remaining;
      grant.remaining -= part;
      grant.burnt += part;
      due -= part;
    }
    this.burnt += cost - due;
    this.overage += due;
  }

  /** Takes a cost back: first from overage, then from the grants that paid it (`paid`), the last in burn order first. */
  giveBack({
    month,
    project,
    amount,
    paid,
    cost,
  }: {
    month: string;
    project: string;
    amount: bigint;
    /** What it cost until now, and by grant the part that credits paid. */
    cost: bigint;
    paid: ReadonlyMap<string, bigint>;
  }): void {
    add(this.spend, month, -amount);
    add(this.projectSpend, `${month} ${project}`, -amount);
    let owed = cost;
    for (const part of paid.values()) owed -= part;
    let due = amount;
    const fromOverage = due < owed ? due : owed;
    this.overage -= fromOverage;
    due -= fromOverage;
    for (const grant of this.grants.toSorted(byBurnOrder).toReversed()) {
      const ofGrant = paid.get(grant.id) ?? 0n;
      const part = due < ofGrant ? due : ofGrant;
      grant.burnt -= part;
      if (grant.isVoided) grant.voided += part;
      else grant.remaining += part;
      this.burnt -= part;
      due -= part;
    }
    assert.equal(due, 0n, 'what is given back was paid');
  }

  /** Freezes every month whose grace is over, from the one in which the account began. */
  close(nowMs: number): void {
    const last = [...this.closed.keys()].sort().at(-1);
    const first = [monthOf(this.createdMs), ...this.spend.keys()].sort()[0]!;
    for (let month = last === undefined ? first : monthAfter(last); isClosable(month, nowMs);) {
      this.closed.set(month, this.spend.get(month) ?? 0n);
      month = monthAfter(month);
    }
  }

  credits(nowMs: number): bigint {
    return this.effectiveGrants(nowMs).reduce((sum, { remaining }) => sum + remaining, 0n);
  }

  /** A plan's allowance is granted when the entity is first read in the month, or first charged for it. */
  ensureAllowance(amount: bigint, { month, nowMs }: { month: string; nowMs: number }): void {
    if (amount === 0n || this.allowances.has(month)) return;
    this.allowances.add(month);
    const hash = createHash('sha256').update(`${this.name}/${month}`).digest('base64');
    this.grants.push({
      id: `grant_${hash.replace(/[+/=]/g, '0').slice(0, 22)}`,
      category: 'promotional',
      priority: 50,
      amount,
      effectiveMs: firstMs(month),
      expiresMs: firstMs(monthAfter(month)),
      hasStart: true,
      month,
      createdMs: nowMs,
      remaining: amount,
      burnt: 0n,
      voided: 0n,
      expired: 0n,
      isVoided: false,
    });
  }

  writeOffExpired(nowMs: number): void {
    for (const grant of this.grants) {
      if (!isOver(grant, nowMs)) continue;
      grant.expired += grant.remaining;
      grant.remaining = 0n;
    }
  }

  /** Charges with the same text are paid by the same grants, whichever of them is booked first. */
  eraOf(when: When): string {
    const paying = this.grants.filter((grant) => pays(grant, when)).map(({ id }) => id);
    return `${monthOf(when.atMs)} ${paying.join(' ')}`;
  }

  private effectiveGrants(nowMs: number): Grant[] {
    return this.grants.filter(
      ({ effectiveMs, expiresMs }) => effectiveMs <= nowMs && (expiresMs === null || expiresMs > nowMs),
    );
  }
}

/** What occurred while it was valid, or is booked while it is valid if it has no start; until its grace is over. */
function pays(grant: Grant, { atMs, nowMs }: When): boolean {
  const expiresMs = grant.expiresMs ?? Infinity;
  if (isOver(grant, nowMs) || atMs >= expiresMs) return false;
  return atMs >= grant.effectiveMs || (!grant.hasStart && grant.effectiveMs <= nowMs && nowMs < expiresMs);
}

function isOver({ expiresMs }: Grant, nowMs: number): boolean {
  return expiresMs !== null && nowMs >= expiresMs + GRACE_MS;
}

function byBurnOrder(a: Grant, b: Grant): number {
  if (a.priority !== b.priority) return a.priority - b.priority;
  const [aEnds, bEnds] = [a.expiresMs ?? 1e18, b.expiresMs ?? 1e18];
  if (aEnds !== bEnds) return aEnds - bEnds;
  if (a.category !== b.category) return a.category === 'promotional' ? -1 : 1;
  if (a.createdMs !== b.createdMs) return a.createdMs - b.createdMs;
  return a.id < b.id ? -1 : 1;
}

export function add(sums: Map<string, bigint>, key: string, amount: bigint): void {
  sums.set(key, (sums.get(key) ?? 0n) + amount);
}
