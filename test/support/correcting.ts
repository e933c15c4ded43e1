/** What tests of the books do again and again: buy, publish, void, and look at them. */
import { expect } from '@jest/globals';
import type { EntityName } from '../../src/domain/ids.js';
import { parseUsd } from '../../src/domain/money.js';
import type { UsageEvent } from '../../src/domain/usage.js';
import type { GrantRow } from '../../src/credits/grants.js';
import type { CorrectionRow } from '../../src/corrections/usage-corrections.sql.js';
import type { Books } from './books.js';
import { priceTerms } from './prices.js';

type GrantOrder = Parameters<Books['grants']['grant']>[1];

export function buy(
  books: Books,
  entity: string,
  amountPicos: bigint,
  override: Partial<GrantOrder> = {},
): Promise<GrantRow> {
  return books.database.transaction(async (tx) => {
    await books.accounts.ensureEntity(tx, entity, books.clock.now());
    return books.grants.grant(tx, {
      entity,
      amountPicos,
      category: 'paid',
      priority: 50,
      effectiveAt: null,
      expiresAt: null,
      reference: null,
      note: null,
      actor: 'test',
      ...override,
    });
  });
}

export function voidGrant(
  books: Books,
  { entity, id }: { entity: string; id: string },
  { amountPicos = null, refund = false }: Taking = {},
): Promise<GrantRow> {
  return books.database.transaction((tx) =>
    books.grants.void(tx, { entity, grantId: id, amountPicos, refund, reason: 'mistake', actor: 'test' }),
  );
}

type Taking = { readonly amountPicos?: bigint | null; readonly refund?: boolean };

export function setFrozen(
  books: Books,
  { entity, id }: { entity: string; id: string },
  how: 'freeze' | 'unfreeze',
): Promise<GrantRow> {
  const order = { entity, grantId: id, reason: 'disputed', actor: 'test' };
  return books.database.transaction((tx) => books.grants[how](tx, order));
}

/** Publishes a price per token for both directions. */
export async function publish(
  books: Books,
  model: string,
  usdPerMillion: string,
  { from = '2026-01-01T00:00:00Z', entity = null as string | null } = {},
): Promise<bigint> {
  const picos = parseUsd(usdPerMillion, 'usd') / 1_000_000n;
  const price = await books.database.transaction((tx) =>
    books.prices.publish(tx, {
      model,
      entity: entity as EntityName | null,
      effectiveFrom: new Date(from),
      terms: priceTerms({ input: picos, output: picos }),
      maxInputTokens: null,
      maxOutputTokens: null,
      source: 'test',
      actor: 'test',
    }),
  );
  return price.id;
}

export async function voidEvent(
  books: Books,
  { source, id }: Pick<UsageEvent, 'source' | 'id'>,
  occurredAt: Date | null = null,
): Promise<CorrectionRow> {
  const located = await books.voids.locate({ source, id, occurredAt, entity: null });
  return books.database.transaction((tx) =>
    books.voids.void(tx, located, { reason: 'wrong model', actor: 'key_test' }),
  );
}

/** Cost, burnt and overage of a period, as a line that a reader can compare. */
export async function spendOf(books: Books, entity: string, period = '2026-11'): Promise<string> {
  const { rows } = await books.postgres.pool.query<{ cost: string; burnt: string; overage: string }>(
    `select cost_picos::text as cost, burnt_picos::text as burnt, overage_picos::text as overage
     from entity_spend where entity = $1 and period = $2`,
    [entity, period],
  );
  const [row] = rows;
  return row === undefined ? 'nothing' : `${row.cost} = ${row.burnt} + ${row.overage}`;
}

/** What is left of each grant, in the order in which they were made. */
export async function leftOf(books: Books, entity: string): Promise<string[]> {
  const grants = await books.grants.of(books.database.reader, entity);
  return grants
    .toSorted((a, b) => a.createdAt.getTime() - b.createdAt.getTime() || (a.id < b.id ? -1 : 1))
    .map((grant) => String(grant.remainingPicos));
}

/** Kind, amount and period of the ledger's entries, oldest first. */
export async function ledgerOf(books: Books, entity: string): Promise<string[]> {
  const entries = await books.ledger.page({ entity, after: null, limit: 100 });
  return entries.toReversed().map((entry) => `${entry.kind} ${entry.amountPicos} ${entry.period}`);
}

export async function expectAgreement(books: Books): Promise<void> {
  const { checks } = await books.reconciliation.run();
  expect(checks.filter((check) => !check.ok)).toEqual([]);
}
