/** The double-entry ledger: entries are posted and read, and never changed. */
import { Injectable } from '@nestjs/common';
import { periodOf } from '../domain/period.js';
import { Database, type Tx } from '../platform/database.js';
import { findLedgerEntries, insertLedgerEntry, type LedgerRow, type NewEntry } from './ledger.sql.js';

export type { LedgerRow } from './ledger.sql.js';

@Injectable()
export class Ledger {
  constructor(private readonly database: Database) {}

  /** Posts what was granted or written off, in the period of its booking. Burns are posted by the hour, all at once. */
  async post(tx: Tx, entry: Omit<NewEntry, 'period'>): Promise<void> {
    await insertLedgerEntry(tx, { ...entry, period: periodOf(entry.bookedAt) });
  }

  /** Newest first; `before` is the id of the last entry of the page before. */
  async page(of: { entity: string; before: bigint | null; limit: number }): Promise<LedgerRow[]> {
    return findLedgerEntries(this.database.reader, of);
  }
}
