/** Credits over time: what was left at the end of each day, and what will be left at the present rate of usage. Pure. */
import { addDays, dayOf, daysBetween } from './calendar.js';
import { picosOf, sumPicos } from './money.js';

/** How far the projection goes. */
const AHEAD_DAYS_MAX = 366;

const RATE_DAYS = 7;

export function readGrants(grants) {
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
export function leftAt(grants, at, burntSince) {
  const granted = sumPicos(
    grants.filter((grant) => grant.effectiveAt <= at),
    (grant) =>
      grant.amount -
      (hasPassed(grant.expiresAt, at) ? grant.expired + grant.left : 0n) -
      (hasPassed(grant.voidedAt, at) ? grant.voided : 0n),
  );
  return granted - (sumPicos(grants, (grant) => grant.burnt) - burntSince);
}

/** The credits left at the end of each day up to today, and for today what is left now. */
export function history(grants, daily, { asOf, burntAfter }) {
  const today = dayOf(asOf);
  const left = [];
  let burntSince = burntAfter;
  for (let index = daily.days.length - 1; index >= 0; index -= 1) {
    const day = daily.days[index];
    const at = day === today ? asOf : Date.parse(`${addDays(day, 1)}T00:00:00Z`) / 1000;
    left[index] = day > today ? null : notBelowZero(leftAt(grants, at, burntSince));
    burntSince += daily.totals[index].credits;
  }
  return left;
}

/** Where credits that were bought later paid for a day's usage, the day would end below zero: it ended at zero. */
function notBelowZero(picos) {
  return picos < 0n ? 0n : picos;
}

/** Cost per day: the mean of the last 7 whole days before today, or of fewer where there are no more. */
export function dailyRate(rows, today, firstDay) {
  const days = Math.min(RATE_DAYS, daysBetween(firstDay, today));
  if (days <= 0) return 0n;
  const since = addDays(today, -days);
  const counted = rows.filter((row) => row.day >= since && row.day < today);
  return sumPicos(counted, (row) => row.picos) / BigInt(days);
}

/**
 * Projects the credits day by day at a constant rate until nothing is left. Grants burn by priority, then the soonest expiry,
 * promotional before paid, the oldest. `unused` is what each grant loses when it expires.
 */
export function project(grants, { asOf, rate }) {
  const lots = grants
    .filter((grant) => grant.left > 0n && !hasPassed(grant.expiresAt, asOf))
    .map((grant) => ({ ...grant }))
    .sort(inBurnOrder);
  const [points, unused] = [[], new Map()];
  for (let ahead = 1; ahead <= AHEAD_DAYS_MAX; ahead += 1) {
    const dayEnd = asOf + ahead * 86_400;
    spend(lots, { due: rate, dayStart: dayEnd - 86_400 });
    let lost = null;
    for (const lot of lots) {
      if (!hasPassed(lot.expiresAt, dayEnd) || lot.left === 0n) continue;
      unused.set(lot.id, lot.left);
      lost = (lost ?? 0n) + lot.left;
      lot.left = 0n;
    }
    const left = sumPicos(lots, (lot) => lot.left);
    points.push({ day: dayOf(dayEnd), left, lost });
    if (left === 0n) return { points, unused, lastsDays: ahead };
  }
  return { points, unused, lastsDays: null };
}

function spend(lots, { due, dayStart }) {
  for (const lot of lots) {
    if (lot.effectiveAt > dayStart) continue;
    const paid = due < lot.left ? due : lot.left;
    lot.left -= paid;
    due -= paid;
  }
}

function inBurnOrder(a, b) {
  const expiry = (grant) => grant.expiresAt ?? Number.MAX_SAFE_INTEGER;
  return (
    a.priority - b.priority ||
    expiry(a) - expiry(b) ||
    Number(a.category === 'paid') - Number(b.category === 'paid') ||
    a.createdAt - b.createdAt
  );
}

function hasPassed(time, at) {
  return time !== null && time <= at;
}
