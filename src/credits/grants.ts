/** Grants, the lots of prepaid credits. Each time that one is granted, voided or written off, a ledger entry says so. */
import { Injectable } from '@nestjs/common';
import { insertAuditEntry } from '../access/audit-log.js';
import { Accounts } from '../accounts/accounts.js';
import { TallyError } from '../domain/errors.js';
import { randomId } from '../domain/ids.js';
import { Clock } from '../platform/clock.js';
import { Database, type Tx } from '../platform/database.js';
import { bigintOf, decimalOf } from '../platform/decimal-column.js';
import type { CreditGrant } from '../platform/prisma/client.js';
import type { Grant, GrantCategory } from '../domain/burn-order.js';
import { findGrantsLeft, takeRemaining, type GrantLeft } from './grants.sql.js';
import { Ledger } from './ledger.js';

export type { GrantLeft } from './grants.sql.js';

export type GrantRow = Grant & {
  readonly entity: string;
  readonly amountPicos: bigint;
  readonly burntPicos: bigint;
  readonly voidedPicos: bigint;
  readonly expiredPicos: bigint;
  readonly reference: string | null;
  readonly note: string | null;
  /** What corrections give back to a voided grant is void as well. */
  readonly voidedAt: Date | null;
};

export type GrantOrder = {
  readonly entity: string;
  readonly amountPicos: bigint;
  readonly category: GrantCategory;
  readonly priority: number;
  /** Null is now. */
  readonly effectiveAt: Date | null;
  /** Null never expires. */
  readonly expiresAt: Date | null;
  readonly reference: string | null;
  readonly note: string | null;
  readonly actor: string;
};

@Injectable()
export class Grants {
  constructor(
    private readonly database: Database,
    private readonly clock: Clock,
    private readonly accounts: Accounts,
    private readonly ledger: Ledger,
  ) {}

  /** Adds a grant. An unknown entity is created on the default plan. */
  async grant(tx: Tx, order: GrantOrder): Promise<GrantRow> {
    const bookedAt = await this.clock.bookingTime(tx);
    const { entity, amountPicos, category, priority, expiresAt, reference, note } = order;
    const effectiveAt = order.effectiveAt ?? bookedAt;
    if (expiresAt !== null && (expiresAt <= effectiveAt || expiresAt <= bookedAt)) {
      throw new TallyError('invalid_request', 'expires_at must lie in the future and after effective_at', {
        param: 'expires_at',
      });
    }
    await this.accounts.ensureEntity(tx, entity, bookedAt);
    await this.accounts.lock(tx, [entity]);
    const grant = await tx.creditGrant.create({
      data: {
        entity,
        id: randomId('grant'),
        lot: await nextLot(tx, entity),
        category,
        priority,
        amountPicos: decimalOf(amountPicos),
        remainingPicos: decimalOf(amountPicos),
        effectiveAt,
        expiresAt,
        reference,
        note,
        createdAt: bookedAt,
      },
    });
    await this.ledger.post(tx, {
      entity,
      kind: category === 'paid' ? 'purchase' : 'promotion',
      amountPicos,
      grantId: grant.id,
      reference,
      bookedAt,
    });
    await this.accounts.raiseVersions(tx, [entity]);
    await insertAuditEntry(tx, {
      at: bookedAt,
      actor: order.actor,
      action: 'credits.grant',
      entity,
      target: grant.id,
      before: null,
      after: { amount_picos: String(amountPicos), category, priority, expires_at: expiresAt, reference },
    });
    return toRow(grant);
  }

  /** Voids what is left of a grant, and what corrections give back to it later. What was burnt stays burnt; voiding again changes nothing. */
  async void(
    tx: Tx,
    order: { entity: string; grantId: string; reason: string; actor: string },
  ): Promise<GrantRow> {
    const { entity, grantId, reason, actor } = order;
    const bookedAt = await this.clock.bookingTime(tx);
    await this.accounts.lock(tx, [entity]);
    if ((await tx.creditGrant.findUnique({ where: { entity_id: { entity, id: grantId } } })) === null) {
      throw new TallyError('not_found', `no credit grant ${grantId} of ${entity}`, { param: 'grant' });
    }
    // For what comes back to it later. Where a grant is voided twice, the first time counts.
    await tx.creditGrant.updateMany({
      where: { entity, id: grantId, voidedAt: null },
      data: { voidedAt: bookedAt },
    });
    const voidedPicos = await this.writeOff(tx, {
      entity,
      grantId,
      as: 'void',
      reference: reason,
      bookedAt,
    });
    if (voidedPicos > 0n) await this.accounts.raiseVersions(tx, [entity]);
    await insertAuditEntry(tx, {
      at: bookedAt,
      actor,
      action: 'credits.void',
      entity,
      target: grantId,
      before: { remaining_picos: String(voidedPicos) },
      after: { remaining_picos: '0', reason },
    });
    return toRow(await tx.creditGrant.findUniqueOrThrow({ where: { entity_id: { entity, id: grantId } } }));
  }

  /** Takes what is left of a grant and posts that. Needs the entity's lock. Returns the amount: 0 when called again. */
  async writeOff(
    tx: Tx,
    order: {
      entity: string;
      grantId: string;
      as: 'void' | 'expiry';
      reference: string | null;
      bookedAt: Date;
    },
  ): Promise<bigint> {
    const { as: kind, ...entry } = order;
    const amountPicos = await takeRemaining(tx, { entity: order.entity, grantId: order.grantId, as: kind });
    if (amountPicos > 0n) await this.ledger.post(tx, { ...entry, kind, amountPicos });
    return amountPicos;
  }

  /** Every grant of an entity, newest first. */
  async of(tx: Tx, entity: string): Promise<GrantRow[]> {
    const rows = await tx.creditGrant.findMany({
      where: { entity },
      orderBy: [{ createdAt: 'desc' }, { id: 'asc' }],
    });
    return rows.map(toRow);
  }

  async list({ entity }: { entity: string }): Promise<GrantRow[]> {
    return this.of(this.database.reader, entity);
  }

  /** The entities' grants with something left, valid or not: `burn` decides which of them pay. Needs the entities' locks. */
  async left(tx: Tx, entities: readonly string[]): Promise<GrantLeft[]> {
    return findGrantsLeft(tx, entities);
  }
}

/** The number of the entity's next grant. Needs the entity's lock. */
async function nextLot(tx: Tx, entity: string): Promise<number> {
  const last = await tx.creditGrant.findFirst({
    where: { entity },
    orderBy: { lot: 'desc' },
    select: { lot: true },
  });
  return (last?.lot ?? 0) + 1;
}

function toRow(row: CreditGrant): GrantRow {
  return {
    id: row.id,
    entity: row.entity,
    category: row.category as GrantCategory,
    priority: row.priority,
    amountPicos: bigintOf(row.amountPicos),
    remainingPicos: bigintOf(row.remainingPicos),
    burntPicos: bigintOf(row.burntPicos),
    voidedPicos: bigintOf(row.voidedPicos),
    expiredPicos: bigintOf(row.expiredPicos),
    effectiveAt: row.effectiveAt,
    expiresAt: row.expiresAt,
    reference: row.reference,
    note: row.note,
    voidedAt: row.voidedAt,
    allowancePeriod: row.allowancePeriod,
    createdAt: row.createdAt,
  };
}
