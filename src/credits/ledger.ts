/** The double-entry ledger. Entries are added and never changed. */
import { Injectable } from '@nestjs/common';
import { TallyError } from '../domain/errors.js';
import { periodOf } from '../domain/period.js';
import { behind, type Order } from '../http/list-order.js';
import { cursorRow } from '../http/list-page.js';
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
  /** The entry that it reverses or pays. */
  readonly corrects?: bigint;
  readonly reference: string | null;
  readonly bookedAt: Date;
};

export type LedgerFilter = {
  readonly entity: string;
  readonly kind?: EntryKind | undefined;
  readonly grantId?: string | undefined;
  /** By the time of booking: from, inclusive, and to, exclusive. */
  readonly from?: Date | undefined;
  readonly to?: Date | undefined;
};

@Injectable()
export class Ledger {
  constructor(private readonly database: Database) {}

  /** Posts a movement of a grant, in the period of its booking, and returns its id. Burns are posted by the hour instead. */
  async post(tx: Tx, { amountPicos, ...entry }: NewEntry): Promise<bigint> {
    const { id } = await tx.ledgerEntry.create({
      data: {
        ...entry,
        ...accountsOf(entry.kind, entry.grantId),
        amountPicos: decimalOf(amountPicos),
        period: periodOf(entry.bookedAt),
      },
      select: { id: true },
    });
    return id;
  }

  /** Throws `not_found`. */
  async find({ entity, id }: { entity: string; id: bigint | null }): Promise<LedgerRow> {
    const row =
      id === null
        ? null
        : await this.database.reader.ledgerEntry.findUnique({ where: { entity_id: { entity, id } } });
    if (row === null)
      throw new TallyError('not_found', `no such ledger entry of ${entity}`, { param: 'entry' });
    return toRow(row);
  }

  /** `after` is the id of the last entry of the previous page. Throws where the filter has no such entry. */
  async page(
    of: LedgerFilter & { order?: Order; after: bigint | null; limit: number },
  ): Promise<LedgerRow[]> {
    const { entity, kind, grantId, from, to, order = 'desc', after } = of;
    const { ledgerEntry } = this.database.reader;
    const where = { entity, kind, grantId, bookedAt: { gte: from, lt: to } };
    await cursorRow(after, (id) => ledgerEntry.findFirst({ where: { ...where, id }, select: { id: true } }));
    const rows = await ledgerEntry.findMany({
      where: { ...where, id: behind(after ?? undefined, order) },
      orderBy: { id: order },
      take: of.limit,
    });
    return rows.map(toRow);
  }
}

function toRow(row: LedgerEntry): LedgerRow {
  return { ...row, kind: row.kind as EntryKind, amountPicos: bigintOf(row.amountPicos) };
}
