/** Grants, the lots of prepaid credits. Each time that one is granted, voided or written off, a ledger entry says so. */
import { Injectable } from '@nestjs/common';
import { formatUsd } from '@tally/client/protocol';
import { insertAuditEntry } from '../access/audit-log.js';
import { Accounts } from '../accounts/accounts.js';
import { TallyError } from '../domain/errors.js';
import { randomId, type EntityName } from '../domain/ids.js';
import { Clock } from '../platform/clock.js';
import { Database, type Tx } from '../platform/database.js';
import { decimalOf } from '../platform/decimal-column.js';
import type { GrantCategory } from '../domain/burn-order.js';
import { Debts } from './debts.js';
import {
  findGrant,
  findGrantPage,
  toGrantRow,
  WITH_DEBTS,
  type GrantPage,
  type GrantRow,
} from './grant-rows.js';
import { findGrantsLeft, takeRemaining, type GrantLeft } from './grants.sql.js';
import { Ledger } from './ledger.js';

export type { GrantRow } from './grant-rows.js';
export type { GrantLeft } from './grants.sql.js';

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

export type VoidOrder = {
  readonly entity: string;
  readonly grantId: string;
  /** Null is all that is left. */
  readonly amountPicos: bigint | null;
  /** Whether the customer gets the money back. */
  readonly refund: boolean;
  readonly reason: string;
  readonly actor: string;
};

export type FreezeOrder = Pick<VoidOrder, 'entity' | 'grantId' | 'reason' | 'actor'>;

@Injectable()
export class Grants {
  constructor(
    private readonly database: Database,
    private readonly clock: Clock,
    private readonly accounts: Accounts,
    private readonly ledger: Ledger,
    private readonly debts: Debts,
  ) {}

  /** Adds a grant. What the entity owes is paid from it at once. */
  async grant(tx: Tx, order: GrantOrder): Promise<GrantRow> {
    const bookedAt = await this.clock.bookingTime(tx);
    const { entity, amountPicos, category, priority, expiresAt, reference, note } = order;
    const effectiveAt = order.effectiveAt ?? bookedAt;
    requireValidity({ effectiveAt, expiresAt, bookedAt });
    await this.accounts.lock(tx, [entity]);
    await this.accounts.require(tx, entity as EntityName);
    await requireNewReference(tx, { entity, reference });
    const { id: grantId } = await tx.creditGrant.create({
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
    const kind = category === 'paid' ? 'purchase' : 'promotion';
    await this.ledger.post(tx, { entity, kind, amountPicos, grantId, reference, bookedAt });
    await this.debts.settle(tx, { entities: [entity], bookedAt });
    await this.accounts.raiseVersions(tx, [entity]);
    await insertAuditEntry(tx, {
      at: bookedAt,
      actor: order.actor,
      action: 'credits.grant',
      entity,
      target: grantId,
      before: null,
      after: {
        amount_picos: String(amountPicos),
        category,
        priority,
        effective_at: effectiveAt,
        expires_at: expiresAt,
        reference,
        note,
      },
    });
    return findGrant(tx, { entity, grantId });
  }

  /**
   * Without an amount it voids all that is left of a grant, and what corrections give back to it later; what was burnt stays burnt, and
   * voiding again changes nothing. With an amount it takes back so much: first what is left; the rest is a debt. A refund gives the
   * money back as well.
   */
  async void(tx: Tx, order: VoidOrder): Promise<GrantRow> {
    const { entity, grantId, reason, refund } = order;
    const bookedAt = await this.clock.bookingTime(tx);
    await this.accounts.lock(tx, [entity]);
    const before = await findGrant(tx, { entity, grantId });
    requireTakeable(before, order);
    if (order.amountPicos === null && before.voidedAt === null) {
      await tx.creditGrant.update({
        where: { entity_id: { entity, id: grantId } },
        data: { voidedAt: bookedAt },
      });
    }
    const kind = refund ? 'refund' : 'void';
    const takenPicos = await this.writeOff(tx, {
      entity,
      grantId,
      as: kind,
      picosMax: order.amountPicos,
      reference: reason,
      bookedAt,
    });
    const amountPicos = (order.amountPicos ?? takenPicos) - takenPicos;
    if (amountPicos > 0n) {
      await this.debts.owe(tx, {
        entity,
        grantId,
        amountPicos,
        isRefund: refund,
        reference: reason,
        bookedAt,
      });
      await this.debts.settle(tx, { entities: [entity], bookedAt });
    }
    if (takenPicos > 0n || amountPicos > 0n) await this.accounts.raiseVersions(tx, [entity]);
    const after = await findGrant(tx, { entity, grantId });
    await insertAuditEntry(tx, {
      at: bookedAt,
      actor: order.actor,
      action: refund ? 'credits.refund' : 'credits.void',
      entity,
      target: grantId,
      before: { remaining_picos: String(before.remainingPicos), owed_picos: String(before.owedPicos) },
      after: {
        remaining_picos: String(after.remainingPicos),
        owed_picos: String(after.owedPicos),
        taken_picos: String(takenPicos),
        debt_picos: String(amountPicos),
        reason,
      },
    });
    return after;
  }

  /**
   * While a grant is frozen nobody can spend what is left of it, and it is not written off. Its validity goes on: one that expires
   * meanwhile can still be voided or refunded, and is written off once it is no longer frozen. Freezing again changes nothing.
   */
  async freeze(tx: Tx, order: FreezeOrder): Promise<GrantRow> {
    return this.setFrozen(tx, order, 'credits.freeze');
  }

  /** What is left can be spent again; what the entity owes is paid from it first. */
  async unfreeze(tx: Tx, order: FreezeOrder): Promise<GrantRow> {
    return this.setFrozen(tx, order, 'credits.unfreeze');
  }

  private async setFrozen(
    tx: Tx,
    { entity, grantId, reason, actor }: FreezeOrder,
    action: 'credits.freeze' | 'credits.unfreeze',
  ): Promise<GrantRow> {
    const bookedAt = await this.clock.bookingTime(tx);
    await this.accounts.lock(tx, [entity]);
    const before = await findGrant(tx, { entity, grantId });
    const frozenAt = action === 'credits.freeze' ? (before.frozenAt ?? bookedAt) : null;
    await tx.creditGrant.update({ where: { entity_id: { entity, id: grantId } }, data: { frozenAt } });
    await this.debts.settle(tx, { entities: [entity], bookedAt });
    await this.accounts.raiseVersions(tx, [entity]);
    await insertAuditEntry(tx, {
      at: bookedAt,
      actor,
      action,
      entity,
      target: grantId,
      before: { frozen_at: before.frozenAt },
      after: { frozen_at: frozenAt, reason },
    });
    return findGrant(tx, { entity, grantId });
  }

  /** Takes what is left of a grant, or at most `picosMax` of it, and posts that. Needs the entity's lock. Returns the amount. */
  async writeOff(
    tx: Tx,
    order: {
      entity: string;
      grantId: string;
      as: 'void' | 'refund' | 'expiry';
      picosMax?: bigint | null;
      reference: string | null;
      bookedAt: Date;
    },
  ): Promise<bigint> {
    const { as: kind, picosMax = null, ...entry } = order;
    const { entity, grantId } = order;
    const column = kind === 'expiry' ? 'expiry' : 'void';
    const amountPicos = await takeRemaining(tx, { entity, grantId, as: column, picosMax });
    if (amountPicos > 0n) await this.ledger.post(tx, { ...entry, kind, amountPicos });
    return amountPicos;
  }

  /** Throws `not_found`. */
  async find(of: { entity: string; grantId: string }): Promise<GrantRow> {
    return findGrant(this.database.reader, of);
  }

  /** Every grant of an entity, newest first. */
  async of(tx: Tx, entity: string): Promise<GrantRow[]> {
    const rows = await tx.creditGrant.findMany({
      where: { entity },
      include: WITH_DEBTS,
      orderBy: [{ createdAt: 'desc' }, { id: 'asc' }],
    });
    return rows.map(toGrantRow);
  }

  /** A page of them, newest first; `after` is the last id of the previous page, or it throws. */
  async page(of: GrantPage): Promise<GrantRow[]> {
    return findGrantPage(this.database.reader, of);
  }

  /** The entities' grants with something left, valid or not: `burn` decides which of them pay. Needs the entities' locks. */
  async left(tx: Tx, entities: readonly string[]): Promise<GrantLeft[]> {
    return findGrantsLeft(tx, entities);
  }
}

function requireValidity(of: { effectiveAt: Date; expiresAt: Date | null; bookedAt: Date }): void {
  const { effectiveAt, expiresAt, bookedAt } = of;
  if (expiresAt === null) return;
  if (expiresAt > effectiveAt && expiresAt > bookedAt) return;
  const message = expiresAt <= bookedAt ? 'must lie in the future' : 'must lie after effective_at';
  throw new TallyError('invalid_request', `expires_at ${message}`, { param: 'expires_at' });
}

/** So that an invoice is not credited twice. Needs the entity's lock. */
async function requireNewReference(tx: Tx, of: { entity: string; reference: string | null }): Promise<void> {
  const { entity, reference } = of;
  if (reference === null) return;
  const holder = await tx.creditGrant.findFirst({ where: { entity, reference }, select: { id: true } });
  if (holder === null) return;
  throw new TallyError('conflict', `reference ${reference} of ${entity} is that of ${holder.id} already`, {
    param: 'reference',
    existing: holder.id,
  });
}

/** Not more than was granted, less what was taken back, expired or is owed for it already. */
function requireTakeable(grant: GrantRow, { amountPicos, refund }: VoidOrder): void {
  if (refund && grant.category !== 'paid') {
    throw new TallyError('invalid_request', 'refund must be false: nobody paid for promotional credits', {
      param: 'refund',
    });
  }
  const picosMax = grant.remainingPicos + grant.burntPicos + grant.repaidPicos - grant.indebtedPicos;
  if (amountPicos === null || amountPicos <= picosMax) return;
  throw new TallyError(
    'invalid_request',
    `amount_usd must be at most ${formatUsd(picosMax)}: what ${grant.id} has left and what it has paid`,
    { param: 'amount_usd' },
  );
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
