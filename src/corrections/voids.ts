/** Voids a counted event: everything that it was charged is given back, and it is never counted again. */
import { Injectable } from '@nestjs/common';
import { assert, TallyError } from '../domain/errors.js';
import { identityOf } from '../domain/usage.js';
import { Clock } from '../platform/clock.js';
import { Accounts } from '../accounts/accounts.js';
import { insertAuditEntry } from '../access/audit-log.js';
import { findCorrectable, locateEvent, type LocatedEvent } from './correctable-events.sql.js';
import { Database, type Restart, type Tx } from '../platform/database.js';
import { Grants } from '../credits/grants.js';
import { findVoid, type CorrectionRow } from './usage-corrections.sql.js';
import { CorrectionBooking } from './correction-booking.js';
import { planCorrections } from './correction-plan.js';

@Injectable()
export class Voids {
  constructor(
    private readonly database: Database,
    private readonly clock: Clock,
    private readonly accounts: Accounts,
    private readonly grants: Grants,
    private readonly booking: CorrectionBooking,
  ) {}

  /** Where the event is. `occurredAt` is needed once its identity is pruned; `entity` null finds any entity's. */
  async locate(of: {
    source: string;
    id: string;
    occurredAt: Date | null;
    entity: string | null;
  }): Promise<LocatedEvent> {
    const located = await locateEvent(this.database.reader, { ...of, identity: identityOf(of) });
    if (located !== null) return located;
    const hint = of.occurredAt === null ? '; name the "time" of one that is older than 35 days' : '';
    throw new TallyError('not_found', `no usage event ${of.id} of ${of.source}${hint}`, { param: 'id' });
  }

  /**
   * Gives back everything that the event was charged, in the caller's transaction; its row and its identity stay, so it is
   * never counted again. Voiding again changes nothing and answers the same.
   */
  async void(
    tx: Tx,
    located: LocatedEvent,
    by: { reason: string; actor: string },
  ): Promise<CorrectionRow | Restart> {
    const { entity } = located;
    const bookedAt = await this.clock.bookingTime(tx);
    await this.accounts.lock(tx, [entity]);
    const earlier = await findVoid(tx, located);
    if (earlier !== null) return earlier;
    const counted = await findCorrectable(tx, located);
    assert(counted !== null, 'a located event is there');
    const grants = await this.grants.of(tx, entity);
    const corrections = planCorrections([{ counted, rating: null }], { grants, bookedAt });
    const restart = await this.booking.book(tx, corrections, { entity, grants, bookedAt, ...by });
    if (restart !== null) return restart;
    const { event, costPicos } = counted;
    await insertAuditEntry(tx, {
      at: bookedAt,
      actor: by.actor,
      action: 'usage_events.void',
      entity,
      target: located.identity,
      before: { source: event.source, id: event.id, cost_picos: String(costPicos) },
      after: { cost_picos: '0', reason: by.reason },
    });
    const booked = await findVoid(tx, located);
    assert(booked !== null, 'the void that was just booked is there');
    return booked;
  }
}
