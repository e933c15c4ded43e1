/** What corrections do to the model: an event is voided, or charged again by the price book as it is now. */
import assert from 'node:assert/strict';
import { correctedIn } from './calendar.js';
import type { Sql } from './invariants.js';
import { keyOf, type Facts } from './facts.js';
import type { Charge, Counted, Model } from './model.js';
import { costOf, searchPrice, type PriceVersion } from './price-versions.js';
import { usdOf } from './usd.js';

/** How much of each event grants paid, by event and grant. Which events of a batch they pay is not determined; how much is. */
export type Paid = ReadonlyMap<string, ReadonlyMap<string, bigint>>;

export type Rerating = {
  readonly model: string;
  readonly entity: string | null;
  readonly fromMs: number;
  readonly toMs: number;
};

type Change = { readonly counted: Counted; readonly price: PriceVersion | null; readonly cost: bigint };

/** Nothing else may work on these events. */
export async function paidFor(sql: Sql, events: readonly Counted[]): Promise<Paid> {
  const keys = events.map(({ facts }) => keyOf(facts));
  const rows = await sql(
    `with e as (
       select *, concat_ws(' ', source, id) as key from rated_events where concat_ws(' ', source, id) = any($1::text[])
     )
     select key, grant_id, sum(picos)::text as picos from (
       select e.key, b.key as grant_id, b.value::numeric as picos from e, jsonb_each_text(e.burns) b
       union all
       select e.key, m ->> 'grant', (m ->> 'picos')::numeric
       from e join usage_corrections c using (entity, identity, occurred_at), jsonb_array_elements(c.movements) m
       where m ->> 'grant' is not null
     ) p (key, grant_id, picos) group by 1, 2`,
    [keys],
  );
  const paid = new Map(keys.map((key) => [key, new Map<string, bigint>()]));
  for (const row of rows)
    paid.get(String(row['key']))!.set(String(row['grant_id']), BigInt(String(row['picos'])));
  for (const counted of events) {
    const parts = [...paid.get(keyOf(counted.facts))!.values()];
    const sum = parts.reduce((total, part) => total + part, 0n);
    assert.ok(
      parts.every((part) => part >= 0n) && sum <= nowOf(counted).cost,
      `${keyOf(counted.facts)} was paid`,
    );
  }
  return paid;
}

/** What an event costs after its corrections. */
export function nowOf(counted: Counted): Charge {
  return counted.corrected ?? counted;
}

export function isVoid({ corrected }: Counted): boolean {
  return corrected !== undefined && corrected.price === null;
}

/** What a void answers. */
export function voiding(counted: Counted, { nowMs, paid }: { nowMs: number; paid: Paid }): object {
  const { cost } = nowOf(counted);
  const parts = [...paid.get(keyOf(counted.facts))!].filter(([, part]) => part > 0n);
  return {
    kind: 'void',
    period: correctedIn(counted.month, nowMs),
    corrected_period: counted.month,
    cost_usd: usdOf(-cost),
    credits_usd: Object.fromEntries(parts.map(([grant, part]) => [grant, usdOf(-part)])),
    overage_usd: usdOf(parts.reduce((left, [, part]) => left + part, -cost)),
  };
}

/** A second time changes nothing. */
export function voidEvent(model: Model, counted: Counted, at: { nowMs: number; paid: Paid }): void {
  if (!isVoid(counted)) correct(model, [{ counted, price: null, cost: 0n }], { kind: 'void', ...at });
}

/** The events that the order would change: charged ones for whose time another price is in force by now. */
export function mispriced(model: Model, { model: name, entity, fromMs, toMs }: Rerating): Change[] {
  return [...model.counted.values()]
    .filter(({ facts }) => facts.model === name && (entity === null || facts.entity === entity))
    .filter((counted) => counted.facts.atMs >= fromMs && counted.facts.atMs < toMs)
    .filter((counted) => nowOf(counted).price !== null && !isVoid(counted))
    .map((counted) => ({ counted, price: priceNow(model, counted.facts) }))
    .filter(({ counted, price }) => price.id !== nowOf(counted).price!.id)
    .map(({ counted, price }) => ({ counted, price, cost: costOf(counted.facts, price) }))
    .toSorted((a, b) => a.counted.facts.atMs - b.counted.facts.atMs);
}

function priceNow(model: Model, { model: name, entity, atMs }: Facts): PriceVersion {
  const price = model.priceFor({ model: name, entity, atMs });
  assert.ok(price !== null, 'what has been priced has a price');
  return price;
}

/** What a re-rating answers, and its preview before it. */
export function rerating(changes: readonly Change[]): object {
  const entities = [...new Set(changes.map(({ counted }) => counted.facts.entity))].sort();
  const of = (some: readonly Change[]): object => {
    const before = some.reduce((sum, { counted }) => sum + nowOf(counted).cost, 0n);
    const after = some.reduce((sum, { cost }) => sum + cost, 0n);
    const usd = { old_usd: usdOf(before), new_usd: usdOf(after), delta_usd: usdOf(after - before) };
    return { changed: some.length, ...usd };
  };
  return {
    ...of(changes),
    complete: true,
    entities: entities.map((entity) => ({
      entity,
      ...of(changes.filter(({ counted }) => counted.facts.entity === entity)),
    })),
  };
}

export function rerate(model: Model, order: Rerating, at: { nowMs: number; paid: Paid }): void {
  const changes = mispriced(model, order);
  for (const { counted } of changes) model.touch(counted.facts.entity, at.nowMs);
  correct(model, changes, { kind: 'rerate', ...at });
}

/** What becomes cheaper is given back before what becomes dearer is charged. */
function correct(
  model: Model,
  changes: readonly Change[],
  { kind, nowMs, paid }: { kind: 'void' | 'rerate'; nowMs: number; paid: Paid },
): void {
  const moved = changes.map((change) => ({ ...change, before: nowOf(change.counted) }));
  const booking = ({ facts, month }: Counted) => ({
    account: model.account(facts.entity, nowMs),
    to: { month: correctedIn(month, nowMs), project: facts.project },
  });
  for (const { counted, before, cost } of moved.filter((one) => one.cost <= one.before.cost)) {
    const { account, to } = booking(counted);
    const parts = paid.get(keyOf(counted.facts))!;
    account.giveBack({ ...to, amount: before.cost - cost, cost: before.cost, paid: parts });
  }
  for (const { counted, before, cost } of moved.filter((one) => one.cost > one.before.cost)) {
    const { account, to } = booking(counted);
    account.charge({ ...to, cost: cost - before.cost, atMs: counted.facts.atMs, nowMs });
  }
  for (const { account } of moved.map(({ counted }) => booking(counted))) account.settle(nowMs);
  for (const { counted, before, price, cost } of moved) {
    const { facts, month } = counted;
    counted.corrected = { price, search: price === null ? null : searchPrice(facts, price), cost };
    const prices = [before.price?.id ?? 0, price?.id ?? '-'];
    const line = [
      facts.source,
      facts.id,
      kind,
      correctedIn(month, nowMs),
      month,
      ...prices,
      before.cost,
      cost,
    ];
    model.corrections.push(line.join(' '));
  }
}

/** The months of grants by which a statement opens and closes. */
export function grantedIn(
  model: Model,
  entity: string,
  month: string,
): { paid: bigint; promotional: bigint } {
  const granted = { paid: 0n, promotional: 0n };
  for (const { category, amount, month: booked } of model.accounts.get(entity)!.grants) {
    if (booked === month) granted[category] += amount;
  }
  return granted;
}
