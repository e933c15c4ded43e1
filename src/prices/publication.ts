/**
 * Publishes one price version. What takes long is read beside those who count; the book is locked for the few statements that add the
 * version, until the commit.
 */
import { insertAuditEntry } from '../access/audit-log.js';
import { TallyError } from '../domain/errors.js';
import type { EntityName } from '../domain/ids.js';
import type { PriceTerms } from '../domain/price.js';
import type { Tx } from '../platform/database.js';
import { maximumsOf } from './maximums.js';
import { lockPriceBook } from './price-book-lock.js';
import { findSwitchTime } from './price-book.sql.js';
import type { PriceRow } from './price-row.js';
import type { PriceTermsBody } from './price-terms.schema.js';
import { readPriceTerms } from './price-terms.js';
import { insertVersions, type NewVersion } from './price-versions.sql.js';
import { countCharged, reachBack, type Reach } from './reach-back.js';

export type PriceOrder = {
  readonly model: string;
  /** Null is the list price. */
  readonly entity: EntityName | null;
  /** Null is now, or the time that `reachBack` finds. */
  readonly effectiveFrom: Date | null;
  /** They passed their schema. */
  readonly terms: PriceTermsBody;
  /** Null keeps the maximum of the model's version in force. */
  readonly maxInputTokens: number | null;
  readonly maxOutputTokens: number | null;
  readonly source: string;
  readonly actor: string;
};

/** Counted just before the book was locked. */
type EventCounts = {
  /** Events that waited for it and are charged by it. */
  readonly chargedEvents: number;
  /** Events of the model and entity that still wait for a price, those included that are charged in part. */
  readonly waitingEvents: number;
};

export type Published = PriceRow & EventCounts;

/** `at` is the time of looking, `versions` are those of the model. */
type Outlook = EventCounts & {
  readonly at: Date;
  readonly versions: readonly PriceRow[];
  readonly reach: Reach;
};

/** Where the publication reads: the time that a test's clock sets, or null, and a model's versions. */
type Book = {
  readonly now: () => Date | null;
  readonly versionsOf: (model: string) => Promise<readonly PriceRow[]>;
};

/**
 * Adds a version in the caller's transaction; a second one for the same model, entity and instant is a conflict. It charges what waited
 * for it; that happens after the commit.
 */
export async function publishVersion(tx: Tx, order: PriceOrder, book: Book): Promise<Published> {
  const { model, entity, terms, source } = order;
  const read = readPriceTerms(terms);
  const ahead = await lookAt(tx, { order, read, ahead: null }, book);
  await lockPriceBook(tx);
  const { at, versions, reach, ...events } = await lookAt(tx, { order, read, ahead }, book);
  const current = versions.find((version) => version.entity === entity) ?? versions[0];
  const added = await add(tx, {
    model,
    entity,
    terms,
    source,
    ...read,
    effectiveFrom: reach.effectiveFrom,
    firstForMetersFrom: reach.firstForMetersFrom,
    ...maximumsOf(order, current),
    createdAt: at,
  });
  await insertAuditEntry(tx, {
    at,
    actor: order.actor,
    action: 'prices.publish',
    entity,
    target: model,
    before: current === undefined ? null : auditOf(current),
    after: auditOf(added),
  });
  return { ...added, ...events };
}

/**
 * What the version would do, were it published now. `ahead` is what was found a moment ago: unless the model has got another version
 * since, little is left to look for.
 */
async function lookAt(
  tx: Tx,
  { order, read, ahead }: { order: PriceOrder; read: PriceTerms; ahead: Outlook | null },
  { now, versionsOf }: Book,
): Promise<Outlook> {
  const { model, entity } = order;
  const at = await findSwitchTime(tx, now());
  const versions = await versionsOf(model);
  const seen = ahead?.versions.length === versions.length ? ahead : null;
  const reach: Reach =
    order.effectiveFrom === null
      ? await reachBack(tx, { model, entity, ...read }, { versions, at, seen: seen?.reach ?? null })
      : { effectiveFrom: order.effectiveFrom, firstForMetersFrom: null, isPriced: false, oldest: null };
  if (seen !== null) return { ...seen, at, versions, reach };
  const { charged, waiting } = await countCharged(tx, { model, entity, ...read, ...reach }, versions);
  return { at, versions, reach, chargedEvents: charged, waitingEvents: waiting };
}

async function add(tx: Tx, version: NewVersion): Promise<PriceRow> {
  const [id] = await insertVersions(tx, [version]);
  if (id !== undefined) return { ...version, id };
  const { model, effectiveFrom } = version;
  throw new TallyError('conflict', `${model} already has a price from ${effectiveFrom.toISOString()}`, {
    param: 'effective_from',
  });
}

function auditOf({ id, effectiveFrom, terms, maxInputTokens, maxOutputTokens, source }: PriceRow) {
  return {
    id: String(id),
    effective_from: effectiveFrom.toISOString(),
    terms,
    max_input_tokens: maxInputTokens,
    max_output_tokens: maxOutputTokens,
    source,
  };
}
