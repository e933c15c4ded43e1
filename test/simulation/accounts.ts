/** The model's books of one entity: grants, spend and holds in plain integers. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { firstMs, isClosable, monthAfter, monthOf } from './calendar.js';
import { paymentsOf, type Debt } from './debts.js';
import { byBurnOrder, isOver, pays, UNUSED, type Grant, type When } from './grants.js';

export type Limits = {
  monthlyCap: bigint | null;
  yearlyCap: bigint | null;
  overage: 'blocked' | 'allowed';
  maxConcurrent: number | null;
};

/** `ownersCap` is what the customer has set for itself, beside the cap: the lower one counts. */
export type Project = { monthlyCap: bigint | null; maxConcurrent: number | null; ownersCap: bigint | null };

export type Plan = Limits & { monthlyCredit: bigint };

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
  /** What credits paid of a month, and promotional ones of that. */
  readonly burntIn = new Map<string, bigint>();
  readonly promotionalIn = new Map<string, bigint>();
  /** What no credits paid. */
  readonly overageIn = new Map<string, bigint>();
  /** Oldest first. */
  readonly debts: Debt[] = [];
  /** By `month kind grant`: all that the ledger says but burns and expiries. */
  readonly posted = new Map<string, bigint>();
  /** By month: what it cost when it was closed. */
  readonly closed = new Map<string, bigint>();
  private readonly payments = new Map<string, bigint>();
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
      this.burn(grant, { month, amount: part });
      due -= part;
    }
    this.owe(month, due);
  }

  private burn(grant: Grant, { month, amount }: { month: string; amount: bigint }): void {
    grant.burnt += amount;
    this.burnt += amount;
    add(this.burntIn, month, amount);
    if (grant.category === 'promotional') add(this.promotionalIn, month, amount);
  }

  private owe(month: string, amount: bigint): void {
    this.overage += amount;
    add(this.overageIn, month, amount);
  }

  /**
   * Takes a cost back: first from overage, then from the grants that paid it (`paid`), the last in burn order first. Afterwards `settle`
   * says what becomes of it.
   */
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
    this.owe(month, -fromOverage);
    due -= fromOverage;
    for (const grant of this.grants.toSorted(byBurnOrder).toReversed()) {
      const ofGrant = paid.get(grant.id) ?? 0n;
      const part = due < ofGrant ? due : ofGrant;
      grant.remaining += part;
      this.burn(grant, { month, amount: -part });
      due -= part;
    }
    assert.equal(due, 0n, 'what is given back was paid');
  }

  /** Adds a grant, which pays first what is owed. */
  grant(grant: Grant, nowMs: number): void {
    this.grants.push(grant);
    this.post(grant.category === 'paid' ? 'purchase' : 'promotion', { grant, month: grant.month });
    this.settle(nowMs);
  }

  /** How much may be taken back of a grant: what it has left and what it has paid, less what is owed for it or was. */
  takeable({ id, remaining, burnt, repaid }: Grant): bigint {
    const of = this.debts.filter(({ grantId }) => grantId === id);
    return remaining + burnt + repaid - of.reduce((sum, { amount }) => sum + amount, 0n);
  }

  /** What was taken back of it after usage had burnt it, and is not paid yet. */
  owedFor({ id }: Grant): bigint {
    const of = this.debts.filter(({ grantId }) => grantId === id);
    return of.reduce((sum, { amount, paid }) => sum + amount - paid, 0n);
  }

  /** Takes so much of a grant back, or all that is left (null) and will be. What usage has burnt of it becomes a debt. */
  take(grant: Grant, order: { amount: bigint | null; isRefund: boolean; nowMs: number }): void {
    const { amount, isRefund, nowMs } = order;
    if (amount === null) grant.isVoided = true;
    const taken = amount !== null && amount < grant.remaining ? amount : grant.remaining;
    const month = monthOf(nowMs);
    this.takeLeft(grant, { kind: isRefund ? 'refund' : 'void', amount: taken, month });
    const owed = (amount ?? taken) - taken;
    if (owed === 0n) return;
    this.debts.push({ grantId: grant.id, amount: owed, isRefund, paid: 0n });
    this.post(isRefund ? 'refund_debt' : 'void_debt', { grant, amount: owed, month });
    this.settle(nowMs);
  }

  private takeLeft(
    grant: Grant,
    { kind, amount, month }: { kind: 'void' | 'refund'; amount: bigint; month: string },
  ): void {
    grant.remaining -= amount;
    grant.voided += amount;
    this.post(kind, { grant, amount, month });
  }

  /** What can be spent pays what is owed. What has come back to a voided grant pays what is owed for it, and the rest of it is void. */
  settle(nowMs: number): void {
    const month = monthOf(nowMs);
    for (const { debt, grant, amount } of paymentsOf(this.debts, this.grants, nowMs)) {
      debt.paid += amount;
      grant.remaining -= amount;
      grant.repaid += amount;
      this.post('debt_payment', { grant, amount, month });
      add(this.payments, paymentKey(month, { by: grant.category, ofRefund: debt.isRefund }), amount);
    }
    for (const grant of this.grants.filter(({ isVoided }) => isVoided)) {
      this.takeLeft(grant, { kind: 'void', amount: grant.remaining, month });
    }
  }

  /** What paid debts in the month: grants of that category, debts of refunds or of voids. */
  paymentsIn(month: string, of: { by: Grant['category']; ofRefund: boolean }): bigint {
    return this.payments.get(paymentKey(month, of)) ?? 0n;
  }

  private post(
    kind: string,
    { grant, amount = grant.amount, month }: { grant: Grant; amount?: bigint; month: string },
  ): void {
    if (amount !== 0n) add(this.posted, `${month} ${kind} ${grant.id}`, amount);
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
    const grant: Grant = {
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
      ...UNUSED,
    };
    this.grant(grant, nowMs);
  }

  writeOffExpired(nowMs: number): void {
    for (const grant of this.grants) {
      if (grant.isFrozen || !isOver(grant, nowMs)) continue;
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
      ({ effectiveMs, expiresMs, isFrozen }) =>
        !isFrozen && effectiveMs <= nowMs && (expiresMs === null || expiresMs > nowMs),
    );
  }
}

function paymentKey(month: string, of: { by: Grant['category']; ofRefund: boolean }): string {
  return [month, of.by, of.ofRefund].join(' ');
}

export function add(sums: Map<string, bigint>, key: string, amount: bigint): void {
  sums.set(key, (sums.get(key) ?? 0n) + amount);
}
