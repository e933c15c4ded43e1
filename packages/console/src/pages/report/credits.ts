/** Credits over time: what was left at the end of each day, and what will be left at the present rate of usage. Pure. */
import { addDays, isoDayOf, secondsOfDay } from '../../parts/calendar.js';
import { picosOf, sumPicos } from '../../parts/money.js';
import type { Sum } from './sums.js';

/** How far the projection goes. */
const AHEAD_DAYS_MAX = 366;
const DAY_SECONDS = 86_400;

type ApiGrant = {
  readonly id: string;
  readonly category: string;
  readonly priority: number;
  readonly reference: string | null;
  readonly created_at: number;
  readonly effective_at: number;
  readonly expires_at: number | null;
  readonly voided_at: number | null;
  readonly amount_usd: string;
  readonly remaining_usd: string;
  readonly burnt_usd: string;
  readonly voided_usd: string;
  readonly expired_usd: string;
};

export type Grant = ReturnType<typeof readGrants>[number];

export function readGrants(grants: readonly ApiGrant[]) {
  return grants.map((grant) => ({
    id: grant.id,
    category: grant.category,
    priority: grant.priority,
    reference: grant.reference,
    createdAt: grant.created_at,
    effectiveAt: grant.effective_at,
    expiresAt: grant.expires_at,
    voidedAt: grant.voided_at,
    amount: picosOf(grant.amount_usd),
    left: picosOf(grant.remaining_usd),
    burnt: picosOf(grant.burnt_usd),
    voided: picosOf(grant.voided_usd),
    expired: picosOf(grant.expired_usd),
  }));
}

/**
 * The credits left at `at` (unix seconds). `burntSince` is what credits have paid since then. Usage counts on the day on which
 * it occurred.
 */
function leftAt(grants: readonly Grant[], at: number, burntSince: bigint): bigint {
  const granted = sumPicos(
    grants.filter((grant) => grant.effectiveAt <= at),
    (grant) =>
      grant.amount -
      (hasPassed(grant.expiresAt, at) ? grant.expired + grant.left : 0n) -
      (hasPassed(grant.voidedAt, at) ? grant.voided : 0n),
  );
  return granted - (sumPicos(grants, (grant) => grant.burnt) - burntSince);
}

type Days = { readonly days: readonly string[]; readonly totals: readonly Pick<Sum, 'credits'>[] };

/** The credits left at the end of each day up to today, and for today what is left now. */
export function history(
  grants: readonly Grant[],
  daily: Days,
  { asOf, burntAfter }: { asOf: number; burntAfter: bigint },
): (bigint | null)[] {
  const today = isoDayOf(asOf);
  const left: (bigint | null)[] = [];
  let burntSince = burntAfter;
  for (let index = daily.days.length - 1; index >= 0; index -= 1) {
    const day = daily.days[index]!;
    const at = day === today ? asOf : secondsOfDay(addDays(day, 1));
    left[index] = day > today ? null : notBelowZero(leftAt(grants, at, burntSince));
    burntSince += daily.totals[index]?.credits ?? 0n;
  }
  return left;
}

/** A day whose usage was paid by credits that were bought later would end below zero; it is shown as zero. */
function notBelowZero(picos: bigint): bigint {
  return picos < 0n ? 0n : picos;
}

type Point = { readonly day: string; readonly left: bigint; readonly lost: bigint | null };
type Projection = {
  readonly points: readonly Point[];
  /** By grant: what it loses when it expires. */
  readonly unused: ReadonlyMap<string, bigint>;
  readonly lastsDays: number | null;
};

/**
 * Projects the credits day by day at a constant rate until nothing is left. Grants burn by priority, then the soonest expiry,
 * promotional before paid, the oldest.
 */
export function project(
  grants: readonly Grant[],
  { asOf, rate }: { asOf: number; rate: bigint },
): Projection {
  const lots = grants
    .filter((grant) => grant.left > 0n && !hasPassed(grant.expiresAt, asOf))
    .map((grant) => ({ ...grant }))
    .sort(inBurnOrder);
  const points: Point[] = [];
  const unused = new Map<string, bigint>();
  for (let ahead = 1; ahead <= AHEAD_DAYS_MAX; ahead += 1) {
    const dayEnd = asOf + ahead * DAY_SECONDS;
    spend(lots, { due: rate, dayStart: dayEnd - DAY_SECONDS });
    let lost: bigint | null = null;
    for (const lot of lots) {
      if (!hasPassed(lot.expiresAt, dayEnd) || lot.left === 0n) continue;
      unused.set(lot.id, lot.left);
      lost = (lost ?? 0n) + lot.left;
      lot.left = 0n;
    }
    const left = sumPicos(lots, (lot) => lot.left);
    points.push({ day: isoDayOf(dayEnd), left, lost });
    if (left === 0n) return { points, unused, lastsDays: ahead };
  }
  return { points, unused, lastsDays: null };
}

function spend(lots: Grant[], { due, dayStart }: { due: bigint; dayStart: number }): void {
  let rest = due;
  for (const lot of lots) {
    if (lot.effectiveAt > dayStart) continue;
    const paid = rest < lot.left ? rest : lot.left;
    lot.left -= paid;
    rest -= paid;
  }
}

function inBurnOrder(a: Grant, b: Grant): number {
  const expiry = (grant: Grant) => grant.expiresAt ?? Number.MAX_SAFE_INTEGER;
  return (
    a.priority - b.priority ||
    expiry(a) - expiry(b) ||
    Number(a.category === 'paid') - Number(b.category === 'paid') ||
    a.createdAt - b.createdAt
  );
}

function hasPassed(time: number | null, at: number): boolean {
  return time !== null && time <= at;
}
