/** Voids a counted event: everything that it was charged is given back, and it is never counted again. */
import { Injectable } from '@nestjs/common';
import { assert, TallyError } from '../domain/errors.js';
import { identityOf } from '../domain/usage.js';
import { Clock } from '../platform/clock.js';
import { Accounts } from '../accounts/accounts.js';
import { insertAuditEntry } from '../access/audit-log.js';
import { findCorrectable } from './correctable-events.sql.js';
import { requireEvents } from '../metering/dropped-months.js';
import { findClaims, findEntitiesOfSource, locateEvents, type LocatedEvent } from './located-events.sql.js';
import { Database, type Restart, type Tx } from '../platform/database.js';
import { Grants } from '../credits/grants.js';
import { findVoid, type CorrectionRow } from './usage-corrections.sql.js';
import { CorrectionBooking } from './correction-booking.js';
import { planCorrections } from './correction-plan.js';

/** Of more entities with one source, an event is found by naming its entity. */
const ENTITIES_OF_SOURCE_MAX = 10_000;

@Injectable()
export class Voids {
  constructor(
    private readonly database: Database,
    private readonly clock: Clock,
    private readonly accounts: Accounts,
    private readonly grants: Grants,
    private readonly booking: CorrectionBooking,
  ) {}

  /**
   * Where the event is. `occurredAt` is needed once its identity is pruned. Entities may have the same source and id, each its own
   * event: `entity` null finds the one that is there, and throws where there are several.
   */
  async locate(of: {
    source: string;
    id: string;
    occurredAt: Date | null;
    entity: string | null;
  }): Promise<LocatedEvent> {
    const { source, id, occurredAt, entity } = of;
    const reader = this.database.reader;
    const entities =
      entity === null ? await findEntitiesOfSource(reader, source, ENTITIES_OF_SOURCE_MAX) : [entity];
    const candidates = entities.map((each) => ({
      entity: each,
      identity: identityOf({ entity: each, source, id }),
    }));
    const [located, another] = await locateEvents(reader, { of: candidates, occurredAt });
    if (another !== undefined) {
      throw new TallyError('invalid_request', `several entities have an event ${id} of ${source}: name one`, {
        param: 'entity',
      });
    }
    if (located !== undefined) return located;
    await this.refuseDropped(candidates, occurredAt);
    const hint = of.occurredAt === null ? '; name the "time" of one that is older than 35 days' : '';
    throw new TallyError('not_found', `no usage event ${of.id} of ${of.source}${hint}`, { param: 'id' });
  }

  /** Where the time of what was not found is known, and that month's events were dropped. */
  private async refuseDropped(
    of: readonly { entity: string; identity: string }[],
    occurredAt: Date | null,
  ): Promise<void> {
    const reader = this.database.reader;
    const claimed = await findClaims(
      reader,
      of.map(({ identity }) => identity),
    );
    const times = occurredAt === null ? claimed : [occurredAt];
    const entity = of.length === 1 ? of[0]!.entity : null;
    for (const from of times)
      await requireEvents(reader, { entity, from, to: new Date(from.getTime() + 1), param: 'time' });
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
    if (counted === null)
      await requireEvents(tx, {
        entity,
        from: located.occurredAt,
        to: new Date(located.occurredAt.getTime() + 1),
        param: 'time',
      });
    assert(counted !== null, 'a located event is there, or was dropped meanwhile');
    const grants = await this.grants.of(tx, entity);
    const corrections = planCorrections([{ counted, rating: null }], { grants, bookedAt });
    const restart = await this.booking.book(tx, corrections, { entity, grants, bookedAt, ...by });
    if (restart !== null) return restart;
    const { event, costPicos } = counted;
    const { source } = event;
    await insertAuditEntry(tx, {
      at: bookedAt,
      actor: by.actor,
      action: 'usage_events.void',
      entity,
      target: event.id,
      before: { source, cost_picos: String(costPicos) },
      after: { source, cost_picos: '0', reason: by.reason },
    });
    const booked = await findVoid(tx, located);
    assert(booked !== null, 'the void that was just booked is there');
    return booked;
  }
}
