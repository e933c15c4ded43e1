/** The FOCUS export of a period, as a stream of CSV: as many rows as there are, a page of them in memory. */
import { Readable } from 'node:stream';
import { Inject, Injectable } from '@nestjs/common';
import { TallyError } from '../domain/errors.js';
import type { Period } from '../domain/period.js';
import type { Snapshot } from '../platform/database.js';
import { LaggingReports } from '../platform/lagging-reports.js';
import { readEntitiesIn, readEntityRanges, type EntityRange } from '../accounts/entity-ranges.js';
import { readDailyUsage, readPaidGrantMovements } from './focus-exports.sql.js';
import { focusHeader, focusLine, type FocusRow } from './focus-csv.js';
import { grantRow, issuedBy, roundingRow, usageRows } from './focus-columns.js';
import { readBilled } from './focus-rounding.sql.js';
import { SELLER, type Seller } from '../periods/seller.js';

/** Each holds a database connection and a snapshot for as long as its reader takes. */
const EXPORTS_MAX = 2;
const EXPORT_MS_MAX = 30 * 60_000;

/** A reader that takes nothing for so long has gone, or keeps the place from others. */
const STALLED_MS_MAX = 60_000;

/** How many bytes are buffered for a slow reader. */
const WAITING_BYTES_MAX = 256 * 1024;

/** Entities that are exported from one snapshot. */
const ENTITIES_MAX = 1_000;

export type ExportOrder = {
  readonly period: Period;
  /** Null exports all. */ readonly entity: string | null;
};

/** What is read from one snapshot. */
type Part = readonly [entity: string] | EntityRange;

@Injectable()
export class FocusExports {
  private inFlight = 0;
  private readonly entities = new Set<string>();

  constructor(
    private readonly database: LaggingReports,
    @Inject(SELLER) private readonly seller: Seller,
  ) {}

  /** Reads a range of entities from one snapshot. An error before the first byte is thrown here; a later one breaks the stream off. */
  async open(
    order: ExportOrder,
    { entitiesMax = ENTITIES_MAX, stalledMsMax = STALLED_MS_MAX } = {},
  ): Promise<Readable> {
    const leave = this.enter(order.entity);
    try {
      const parts: Part[] =
        order.entity === null
          ? await this.database.read((tx) => readEntityRanges(tx, { entitiesMax }))
          : [[order.entity]];
      return this.stream(await this.database.snapshot(), {
        parts,
        period: order.period,
        stalledMsMax,
        leave,
      });
    } catch (error) {
      leave();
      throw error;
    }
  }

  /** One customer has one of the places. */
  private enter(entity: string | null): () => void {
    if (this.inFlight >= EXPORTS_MAX)
      throw new TallyError('rate_limit_exceeded', `At most ${EXPORTS_MAX} exports run at a time`);
    if (entity !== null && this.entities.has(entity))
      throw new TallyError('rate_limit_exceeded', 'At most one export of an entity runs at a time');
    this.inFlight += 1;
    if (entity !== null) this.entities.add(entity);
    return () => {
      this.inFlight -= 1;
      if (entity !== null) this.entities.delete(entity);
    };
  }

  private stream(
    snapshot: Snapshot,
    of: { parts: readonly Part[]; period: Period; stalledMsMax: number; leave: () => void },
  ): Readable {
    const pages = csvPages(issuedPages(this.seller.name, focusPages(snapshot, of)));
    const endWith = (problem: string) => () => stream.destroy(new Error(problem));
    const stream = Readable.from(taken(pages, of.stalledMsMax, endWith('nobody reads the export')), {
      objectMode: false,
      highWaterMark: WAITING_BYTES_MAX,
    });
    const deadline = setTimeout(endWith('the export took too long'), EXPORT_MS_MAX);
    stream.once('close', () => {
      clearTimeout(deadline);
      of.leave();
      void snapshot.close();
    });
    return stream;
  }
}

/** The pages, of which each is asked for within the time after the one before. */
async function* taken(
  pages: AsyncIterable<string>,
  stalledMsMax: number,
  end: () => void,
): AsyncGenerator<string> {
  for await (const page of pages) {
    const timer = setTimeout(end, stalledMsMax);
    try {
      yield page;
    } finally {
      clearTimeout(timer);
    }
  }
}

async function* issuedPages(
  seller: string,
  pages: AsyncIterable<readonly FocusRow[]>,
): AsyncGenerator<FocusRow[]> {
  for await (const rows of pages) yield rows.map((row) => issuedBy(seller, row));
}

async function* focusPages(
  snapshot: Snapshot,
  { parts, period }: { parts: readonly Part[]; period: Period },
): AsyncGenerator<FocusRow[]> {
  for (const [index, part] of parts.entries()) {
    if (index > 0) await snapshot.renew();
    const entities = 'from' in part ? await readEntitiesIn(snapshot, part) : part;
    yield* pagesOf(snapshot, { entities, period });
  }
}

/** Bought credits, then usage, then what rounds the statements to cents. */
async function* pagesOf(
  snapshot: Snapshot,
  scope: { entities: readonly string[]; period: Period },
): AsyncGenerator<FocusRow[]> {
  for await (const movements of readPaidGrantMovements(snapshot, scope)) {
    yield movements.map((movement) => grantRow(movement, scope.period));
  }
  for await (const usages of readDailyUsage(snapshot, scope)) {
    yield usages.flatMap((usage) => usageRows(usage, scope.period));
  }
  for await (const billed of readBilled(snapshot, scope)) {
    yield billed.map((one) => roundingRow(one, scope.period)).filter((row) => row !== null);
  }
}

/** Pages of rows as text. The header comes even if no row does. */
export async function* csvPages(pages: AsyncIterable<readonly FocusRow[]>): AsyncGenerator<string> {
  yield focusHeader();
  for await (const rows of pages) yield rows.map(focusLine).join('');
}
