/**
 * Seeds customers with five weeks of usage, so that the dashboard has something to show. Everything goes through the service's interfaces:
 * plans, credits and limits through the admin API, usage through the queue, refused requests through reservations.
 */
import { formatUsd, picosFromUsd, PICOS_PER_USD, type UsageEvent } from '@tally/client/protocol';
import type { Admin } from './admin.js';
import type { TracedRequest } from './conversations.js';
import { CUSTOMERS, UNPRICED, type Customer } from './customers.js';
import { sendAll } from './replay.js';
import { pause } from './service.js';
import { DAY_MS, usageOf } from './seeded-usage.js';
import { costOf, expectedSums, total, type ListPrice } from './sums.js';

const MODEL = 'cw_meta-llama_Llama-3.3-70B-Instruct';
/** The share of its usage's cost that a customer bought which runs out of credits. */
const BOUGHT_TOO_FEW_PERCENT = 98n;
/** A cap is at least so much above what is spent. */
const BELOW_CAP_PERCENT = 3n;
const PROMOTION_DAYS = 6;
const PICOS_PER_CENT = PICOS_PER_USD / 100n;
/** At the model's list price more than a cent, so that it does not fit under the cap of a project. */
const REFUSED = { model: MODEL, input_tokens: 16_000, max_output_tokens: 1_000 };
const LOOKS_MAX = 50;
const LOOK_MS = 200;

export type Seeding = {
  readonly admin: Admin;
  readonly redisUrl: string;
  readonly run: string;
  readonly now: Date;
  readonly trace: readonly TracedRequest[];
  readonly prices: readonly ListPrice[];
};

/**
 * Returns how many requests the customers have made. In a used directory, usage that was counted before is a duplicate, and credits are
 * bought for what is new.
 */
export async function seedCustomers(
  seeding: Seeding,
  show: (sent: number, whole: number) => void,
): Promise<number> {
  const { trace, now, redisUrl } = seeding;
  const events: UsageEvent[] = [];
  for (const customer of CUSTOMERS) {
    const usage = usageOf(customer, { trace, now });
    await prepare(customer, usage, seeding);
    events.push(...usage);
  }
  const inTime = events.toSorted((a, b) => Date.parse(a.time) - Date.parse(b.time));
  await sendAll(inTime, { redisUrl, show: (sent) => show(sent, inTime.length) });
  for (const customer of CUSTOMERS) await limit(customer, seeding);
  const refused = new Map<string, number>();
  for (const customer of CUSTOMERS) refused.set(customer.name, await refuse(customer, seeding));
  await untilShown(seeding.admin, refused);
  return inTime.length;
}

/** Plan, limits and credits, before the usage. */
async function prepare(
  customer: Customer,
  usage: readonly UsageEvent[],
  { admin, run, now, prices }: Seeding,
): Promise<void> {
  const path = `/v1/admin/entities/${customer.name}`;
  await admin.send('PUT', path, { plan: customer.plan });
  if (customer.limits !== undefined) await admin.send('PATCH', `${path}/limits`, customer.limits);
  const { data } = await admin.get<{ data: { remaining_usd: string; category: string }[] }>(
    `${path}/credits`,
  );
  const first = new Date((Math.floor(now.getTime() / DAY_MS) - customer.firstDaysAgo) * DAY_MS);
  if (customer.promotionUsd !== undefined && !data.some(({ category }) => category === 'promotional')) {
    const expiresAt = new Date(now.getTime() + PROMOTION_DAYS * DAY_MS).toISOString();
    const promotion = { amount_usd: customer.promotionUsd, category: 'promotional', expires_at: expiresAt };
    const order = { ...promotion, effective_at: first.toISOString(), note: 'trial credits' };
    await admin.send('POST', `${path}/credits`, order, `seed-${run}-${customer.name}-promotion`);
  }
  if (customer.prepaidDays === undefined) return;
  const left = data.reduce((sum, { remaining_usd }) => sum + picosFromUsd(remaining_usd), 0n);
  const known = await lastCounted(admin, customer.name);
  const uncounted = usage.filter(({ time }) => known === null || Date.parse(time) > known);
  const cost = costOfAll(uncounted, prices);
  const perDay = costOfAll(usage, prices) / BigInt(customer.firstDaysAgo + 1);
  const wanted =
    customer.prepaidDays === 0
      ? (cost * BOUGHT_TOO_FEW_PERCENT) / 100n
      : cost + perDay * BigInt(customer.prepaidDays);
  const dollars = (wanted - left) / PICOS_PER_USD;
  if (dollars < 1n) return;
  await admin.send(
    'POST',
    `${path}/credits`,
    {
      amount_usd: String(dollars),
      category: 'paid',
      effective_at: (known === null ? first : new Date(known)).toISOString(),
      reference: `INV-${run.slice(0, 19).replace(/\D/g, '')}-${customer.name}`,
    },
    `seed-${run}-${customer.name}`,
  );
}

/** When its last event occurred, in milliseconds; null for one without usage. */
async function lastCounted(admin: Admin, entity: string): Promise<number | null> {
  const { data } = await admin.get<{ data: { occurred_at: string }[] }>(
    `/v1/entities/${entity}/events?order=desc&limit=1`,
  );
  return data[0] === undefined ? null : Date.parse(data[0].occurred_at);
}

function costOfAll(usage: readonly UsageEvent[], prices: readonly ListPrice[]): bigint {
  const priced = usage.filter(({ data }) => data.model !== UNPRICED);
  return costOf(total(expectedSums(priced, prices)));
}

type Balance = {
  readonly month_to_date_usd: string;
  readonly projects: readonly { project: string; month_to_date_usd: string }[];
};

/** Caps just above what was used: by a few percent, or by less than a cent, so that nothing more fits. */
async function limit({ name, nearCap, cappedProject }: Customer, { admin }: Seeding): Promise<void> {
  if (nearCap === undefined && cappedProject === undefined) return;
  const balance = await admin.get<Balance>(`/v1/entities/${name}/balance`);
  if (nearCap) {
    const cap = capAbove(picosFromUsd(balance.month_to_date_usd));
    await admin.send('PATCH', `/v1/admin/entities/${name}/limits`, { monthly_cap_usd: cap });
  }
  const project = balance.projects.find((each) => each.project === cappedProject);
  if (project === undefined) return;
  const cents = (picosFromUsd(project.month_to_date_usd) + PICOS_PER_CENT - 1n) / PICOS_PER_CENT;
  const body = { monthly_cap_usd: formatUsd(cents * PICOS_PER_CENT) };
  await admin.send('PATCH', `/v1/admin/entities/${name}/projects/${project.project}/limits`, body);
}

/** A round number of dollars a few percent above what is spent. */
export function capAbove(spentPicos: bigint): string {
  const least = (spentPicos * (100n + BELOW_CAP_PERCENT)) / 100n / PICOS_PER_USD + 1n;
  const step = 10n ** BigInt(Math.max(0, String(least).length - 2));
  return String(((least + step - 1n) / step) * step);
}

/** Makes requests that are refused: for credits, for a project's cap, or for how many are in flight. Returns how many were. */
async function refuse(
  { name, projects, cappedProject, limits, refused = 0 }: Customer,
  { admin }: Seeding,
): Promise<number> {
  const request = { project: `${name}/${cappedProject ?? projects[0]!.name}`, ...REFUSED };
  const inFlight = Number(limits?.['max_concurrent_requests'] ?? 0);
  const admitted: string[] = [];
  for (let asked = 0; asked < inFlight + refused; asked += 1) {
    const id = await admin.reserve(request);
    if (id !== null) admitted.push(id);
  }
  for (const id of admitted) await admin.send('POST', `/v1/quota/reservations/${id}/release`, {});
  return inFlight + refused - admitted.length;
}

/** Denials are listed a moment after they were answered. */
async function untilShown(admin: Admin, refused: ReadonlyMap<string, number>): Promise<void> {
  const isShown = ({ entity, denied_requests }: SeededCustomer): boolean =>
    denied_requests === null || denied_requests >= (refused.get(entity) ?? 0);
  for (let look = 0; look < LOOKS_MAX && !(await readCustomers(admin)).every(isShown); look += 1)
    await pause(LOOK_MS);
}

export type SeededCustomer = {
  readonly entity: string;
  readonly plan: string;
  readonly state: string;
  readonly month_to_date_usd: string;
  readonly monthly_cap_share: string | null;
  readonly credits_usd: string;
  readonly denied_requests: number | null;
  /** Why it is worth a look. */
  readonly because: string;
};

/** As an admin's first page has them, the largest first. */
export async function readCustomers(admin: Admin): Promise<SeededCustomer[]> {
  const { data } = await admin.get<{ data: Omit<SeededCustomer, 'because'>[] }>(
    '/v1/entities?sort=-month_to_date_usd&limit=100',
  );
  const reasons = new Map(CUSTOMERS.map(({ name, because }) => [name, because]));
  return data.flatMap((row) => {
    const because = reasons.get(row.entity);
    return because === undefined ? [] : [{ ...row, because }];
  });
}
