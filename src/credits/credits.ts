/** Prepaid credits: granting lots, voiding them, and what an admin sees of them. Every movement is a ledger entry. */
import { Injectable } from '@nestjs/common';
import { TallyError } from '../domain/errors.js';
import { randomId } from '../domain/ids.js';
import { periodOf } from '../domain/period.js';
import { Clock } from '../platform/clock.js';
import { ensureEntity, lockAccounts, raiseVersions } from '../accounts/accounts.sql.js';
import { insertAuditEntry } from '../access/audit-log.sql.js';
import { Database, type Tx } from '../platform/database.js';
import {
  findGrant,
  findGrants,
  insertGrant,
  markVoided,
  takeRemaining,
  type GrantRow,
} from './grants.sql.js';
import { findLedgerEntries, insertLedgerEntry, type LedgerRow } from './ledger.sql.js';

export type GrantOrder = {
  readonly entity: string;
  readonly amountPicos: bigint;
  readonly category: 'paid' | 'promotional';
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
export class CreditsService {
  constructor(
    private readonly database: Database,
    private readonly clock: Clock,
  ) {}

  /** Adds a lot in the caller's transaction. An entity that nobody created gets the default plan. */
  async grant(tx: Tx, order: GrantOrder): Promise<GrantRow> {
    const bookedAt = await this.clock.bookingTime(tx);
    const { entity, amountPicos, category, priority, expiresAt, reference, note } = order;
    const effectiveAt = order.effectiveAt ?? bookedAt;
    if (expiresAt !== null && (expiresAt <= effectiveAt || expiresAt <= bookedAt)) {
      throw new TallyError('invalid_request', 'expires_at must lie in the future and after effective_at', {
        param: 'expires_at',
      });
    }
    await ensureEntity(tx, entity, bookedAt);
    await lockAccounts(tx, [entity]);
    const grant: GrantRow = {
      id: randomId('grant'),
      entity,
      category,
      priority,
      amountPicos,
      remainingPicos: amountPicos,
      burntPicos: 0n,
      voidedPicos: 0n,
      expiredPicos: 0n,
      effectiveAt,
      expiresAt,
      reference,
      note,
      voidedAt: null,
      createdAt: bookedAt,
    };
    await insertGrant(tx, grant);
    await insertLedgerEntry(tx, {
      entity,
      kind: category === 'paid' ? 'purchase' : 'promotion',
      amountPicos,
      grantId: grant.id,
      period: periodOf(bookedAt),
      reference,
      bookedAt,
    });
    await raiseVersions(tx, [entity]);
    await insertAuditEntry(tx, {
      at: bookedAt,
      actor: order.actor,
      action: 'credits.grant',
      entity,
      target: grant.id,
      before: null,
      after: { amount_picos: String(amountPicos), category, priority, expires_at: expiresAt, reference },
    });
    return grant;
  }

  /** Voids what is left of a lot and what corrections give back to it later; what was burnt stays burnt. Voiding again changes nothing. */
  async void(
    tx: Tx,
    order: { entity: string; grantId: string; reason: string; actor: string },
  ): Promise<GrantRow> {
    const { entity, grantId, reason, actor } = order;
    const bookedAt = await this.clock.bookingTime(tx);
    await lockAccounts(tx, [entity]);
    if ((await findGrant(tx, { entity, grantId })) === null) {
      throw new TallyError('not_found', `no credit grant ${grantId} of ${entity}`, { param: 'grant' });
    }
    await markVoided(tx, { grantId, at: bookedAt });
    const voidedPicos = await takeRemaining(tx, { grantId, as: 'voided' });
    if (voidedPicos > 0n) {
      const period = periodOf(bookedAt);
      await insertLedgerEntry(tx, {
        entity,
        kind: 'void',
        amountPicos: voidedPicos,
        grantId,
        period,
        reference: reason,
        bookedAt,
      });
      await raiseVersions(tx, [entity]);
    }
    await insertAuditEntry(tx, {
      at: bookedAt,
      actor,
      action: 'credits.void',
      entity,
      target: grantId,
      before: { remaining_picos: String(voidedPicos) },
      after: { remaining_picos: '0', reason },
    });
    const grant = await findGrant(tx, { entity, grantId });
    return grant!;
  }

  async list({ entity }: { entity: string }): Promise<GrantRow[]> {
    return findGrants(this.database.reader, entity);
  }

  async ledger(args: { entity: string; before: bigint | null; limit: number }): Promise<LedgerRow[]> {
    return findLedgerEntries(this.database.reader, args);
  }
}
