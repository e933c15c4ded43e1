/** The FOCUS export of a period, as a stream of CSV: as many rows as there are, a page of them in memory. */
import { Readable } from 'node:stream';
import { Inject, Injectable } from '@nestjs/common';
import { TallyError } from '../domain/errors.js';
import type { Period } from '../domain/period.js';
import type { Snapshot } from '../platform/database.js';
import { ReportsDatabase } from '../platform/reports-database.js';
import { readEntitiesIn, readEntityRanges, type EntityRange } from '../accounts/entity-ranges.js';
import { readDailyUsage, readPaidGrantMovements } from './focus-exports.sql.js';
import { focusHeader, focusLine, type FocusRow } from './focus-csv.js';
import { grantRow, issuedBy, roundingRow, usageRows } from './focus-columns.js';
import { readBilled } from './focus-rounding.sql.js';
import { SELLER, type Seller } from '../periods/seller.js';

/** Each holds a database connection and a snapshot for as long as its reader takes. */
const EXPORTS_MAX = 2;
const EXPORT_MS_MAX = 30 * 60_000;

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

  constructor(
    private readonly database: ReportsDatabase,
    @Inject(SELLER) private readonly seller: Seller,
  ) {}

  /** Reads a range of entities from one snapshot. An error before the first byte is thrown here; a later one breaks the stream off. */
  async open(order: ExportOrder, { entitiesMax = ENTITIES_MAX } = {}): Promise<Readable> {
    if (this.inFlight >= EXPORTS_MAX) {
      throw new TallyError('rate_limit_exceeded', `At most ${EXPORTS_MAX} exports run at a time`);
    }
    this.inFlight += 1;
    try {
      const parts: Part[] =
        order.entity === null
          ? await this.database.read((tx) => readEntityRanges(tx, { entitiesMax }))
          : [[order.entity]];
      return this.stream(await this.database.snapshot(), { parts, period: order.period });
    } catch (error) {
      this.inFlight -= 1;
      throw error;
    }
  }

  private stream(snapshot: Snapshot, of: { parts: readonly Part[]; period: Period }): Readable {
    const stream = Readable.from(csvPages(issuedPages(this.seller.name, focusPages(snapshot, of))), {
      objectMode: false,
      highWaterMark: WAITING_BYTES_MAX,
    });
    const deadline = setTimeout(() => stream.destroy(new Error('the export took too long')), EXPORT_MS_MAX);
    stream.once('close', () => {
      clearTimeout(deadline);
      this.inFlight -= 1;
      void snapshot.close();
    });
    return stream;
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
