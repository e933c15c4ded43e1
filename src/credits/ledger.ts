/** The double-entry ledger. Entries are added and never changed. */
import { Injectable } from '@nestjs/common';
import { periodOf } from '../domain/period.js';
import { Database, type Tx } from '../platform/database.js';
import { bigintOf, decimalOf } from '../platform/decimal-column.js';
import type { LedgerEntry } from '../platform/prisma/client.js';
import { accountsOf, type EntryKind } from './ledger-accounts.js';

export type LedgerRow = Omit<LedgerEntry, 'kind' | 'amountPicos'> & {
  readonly kind: EntryKind;
  readonly amountPicos: bigint;
};

export type NewEntry = {
  readonly entity: string;
  readonly kind: EntryKind;
  readonly amountPicos: bigint;
  readonly grantId: string;
  readonly reference: string | null;
  readonly bookedAt: Date;
};

@Injectable()
export class Ledger {
  constructor(private readonly database: Database) {}

  /** Posts a grant or a write-off, in the period of its booking. Burns are posted by the hour instead. */
  async post(tx: Tx, { amountPicos, ...entry }: NewEntry): Promise<void> {
    await tx.ledgerEntry.create({
      data: {
        ...entry,
        ...accountsOf(entry.kind, entry.grantId),
        amountPicos: decimalOf(amountPicos),
        period: periodOf(entry.bookedAt),
      },
    });
  }

  /** Newest first; `before` is the id of the last entry of the previous page. */
  async page(of: { entity: string; before: bigint | null; limit: number }): Promise<LedgerRow[]> {
    const rows = await this.database.reader.ledgerEntry.findMany({
      where: { entity: of.entity, ...(of.before !== null && { id: { lt: of.before } }) },
      orderBy: { id: 'desc' },
      take: of.limit,
    });
    return rows.map(toRow);
  }
}

function toRow(row: LedgerEntry): LedgerRow {
  return { ...row, kind: row.kind as EntryKind, amountPicos: bigintOf(row.amountPicos) };
}
