/** The rows of a batch's events as columns. Pure. */
import type { Burn } from '../domain/burn-order.js';
import { columnsOf } from '../domain/meter-charges.js';
import { assert } from '../domain/errors.js';
import { UNPRICED } from '../domain/price.js';
import { burnsJson, burntPicos } from './rated-event.js';
import type { NewRatedEvent } from './rating.js';
import type { EventColumns } from './usage-batch.sql.js';

/** What the database calls the event's series, its origin and the grants that paid it. */
export type StoredAs = {
  readonly seriesId: number;
  readonly originId: number;
  /** The numbers of grants by id, of the event's entity. */
  readonly lots: ReadonlyMap<string, number>;
};

export function eventColumns(
  rows: readonly NewRatedEvent[],
  storedAs: (row: NewRatedEvent) => StoredAs,
): EventColumns {
  const stored = rows.map(storedAs);
  const quantities = rows.map(({ event }) => event.quantities);
  return {
    entity: rows.map(({ event }) => event.entity),
    identity: rows.map(({ identity }) => identity),
    ms: rows.map(({ event }) => event.occurredAt.getTime()),
    series: stored.map(({ seriesId }) => seriesId),
    origin: stored.map(({ originId }) => originId),
    rate: rows.map(({ rateId }) => rateId),
    period: rows.map(({ period }) => period),
    id: rows.map(({ event }) => event.id),
    input: quantities.map(({ input }) => input ?? 0),
    cachedInput: quantities.map((each) => each.cached_input ?? 0),
    output: quantities.map(({ output }) => output ?? 0),
    reasoning: quantities.map(({ reasoning }) => reasoning ?? 0),
    other: quantities.map((each) => jsonOrNull(columnsOf(each).otherQuantities)),
    cost: rows.map(({ costPicos }) => costPicos),
    burnt: rows.map(({ burns }) => burntPicos(burns)),
    lot: rows.map(({ burns }, index) => lotOf(burns, stored[index]!)),
    burns: rows.map(({ burns }) => (burns.length > 1 ? burnsJson(burns) : null)),
    unpriced: rows.map(waitingText),
    reservation: rows.map(({ event }) => event.reservationId),
    user: rows.map(({ event }) => event.userId),
    request: rows.map(({ event }) => event.requestId),
    tags: rows.map(({ event }) => jsonOrNull(event.tags)),
    details: rows.map((row) => jsonOrNull(detailsOf(row))),
  };
}

/** Where one grant paid all that was burnt, which is usual. */
function lotOf(burns: readonly Burn[], { lots }: StoredAs): number | null {
  const [burn] = burns;
  if (burn === undefined || burns.length > 1) return null;
  const lot = lots.get(burn.grantId);
  assert(lot !== undefined, 'a grant that pays has a number');
  return lot;
}

/** Null where nothing waits; a comma alone where the model has no price and nothing but the request is to be charged. */
function waitingText({ rateId, unpricedMeters }: NewRatedEvent): string | null {
  return rateId !== UNPRICED && unpricedMeters.length === 0 ? null : `,${unpricedMeters.join(',')}`;
}

/** What few events have; null for the usual one. */
function detailsOf({ event, isTierUnread }: NewRatedEvent): object | null {
  const { region, attributes, rawUsage, mended } = event;
  const unread = isTierUnread ? [...event.unread, 'service_tier'] : event.unread;
  if (region === null && attributes === null && unread.length === 0 && mended.length === 0) return null;
  return {
    ...(region !== null && { region }),
    ...(attributes !== null && { attributes }),
    ...(unread.length > 0 && { unread }),
    ...(rawUsage !== null && { usage: rawUsage }),
    ...(mended.length > 0 && { mended }),
  };
}

function jsonOrNull(value: object | null): string | null {
  return value === null ? null : JSON.stringify(value);
}
