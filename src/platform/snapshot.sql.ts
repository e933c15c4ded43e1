/**
 * One snapshot of the database, read row by row through cursors: for exports that are larger than memory. It holds one
 * connection of the pool until it is closed.
 */
import type pg from 'pg';
import { postgresFailure } from './postgres-errors.js';
import type { PurposePool } from './purpose-pool.js';
import { Unavailable } from './unavailable.js';

/** Rows that are in memory at a time. */
const PAGE_ROWS = 500;

/** A cursor's first page may have to sort a month of everybody's usage. */
const STATEMENT_MS_MAX = 600_000;
/** A reader who takes nothing for this long is cut off. */
const IDLE_MS_MAX = 60_000;

export type Query = { readonly text: string; readonly values: readonly (string | null)[] };

export class Snapshot {
  private broken: Error | null = null;
  private busy = false;

  private constructor(
    private readonly client: pg.PoolClient,
    private readonly begin: string,
    private readonly onClose: () => void,
  ) {}

  /** The pool's transactions are read only, each on one snapshot. */
  static async open(pool: PurposePool, onClose: () => void): Promise<Snapshot> {
    const client = await pool.connect().catch((error: unknown) => {
      throw new Unavailable('postgres', error);
    });
    const begin = pool.begin({ statementMsMax: STATEMENT_MS_MAX, idleMsMax: IDLE_MS_MAX });
    const snapshot = new Snapshot(client, begin, onClose);
    // Without a listener, a connection that breaks between two pages would end the process.
    client.on('error', snapshot.onBreak);
    try {
      await snapshot.run(begin);
    } catch (error) {
      await snapshot.close();
      throw error;
    }
    return snapshot;
  }

  /** All rows, a page at a time. One query at a time: the next begins when this one is done. */
  async *pages<Row extends pg.QueryResultRow>({ text, values }: Query): AsyncGenerator<Row[]> {
    await this.run(`declare rows_to_read no scroll cursor for ${text}`, [...values]);
    for (;;) {
      const rows = await this.run<Row>(`fetch forward ${PAGE_ROWS} from rows_to_read`);
      if (rows.length > 0) yield rows;
      if (rows.length < PAGE_ROWS) break;
    }
    await this.run('close rows_to_read');
  }

  /** Lets go of what was seen, and sees what is committed now, on the same connection. */
  async renew(): Promise<void> {
    await this.run('rollback');
    await this.run(this.begin);
  }

  /** Gives the connection back; one that broke, or that still works for a reader who has left, is thrown away. */
  async close(): Promise<void> {
    if (!this.busy && this.broken === null) await this.client.query('rollback').catch(this.onBreak);
    const isOfUse = !this.busy && this.broken === null;
    if (isOfUse) this.client.off('error', this.onBreak);
    this.client.release(!isOfUse);
    this.onClose();
  }

  private async run<Row extends pg.QueryResultRow>(
    text: string,
    values: (string | null)[] = [],
  ): Promise<Row[]> {
    this.busy = true;
    const { rows } = await this.client.query<Row>(text, values).catch((error: unknown) => {
      throw postgresFailure(error);
    });
    this.busy = false;
    return rows;
  }

  private readonly onBreak = (error: Error): void => {
    this.broken = error;
  };
}
