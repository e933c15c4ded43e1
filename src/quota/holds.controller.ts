/** What holds an entity's money, one by one: for an admin who is asked why a limit is in the way. */
import { Controller, Param, Query } from '@nestjs/common';
import { Caller, requireEntity, type Principal } from '../access/principal.js';
import { Entities } from '../accounts/entities.js';
import { entityOfReservation, type EntityName } from '../domain/ids.js';
import { presentPage, unknownCursor } from '../http/list-page.js';
import { Route } from '../http/route.js';
import { Clock } from '../platform/clock.js';
import { presentHeld } from './holds.presenter.js';
import * as schemas from './holds.schema.js';
import { Quota } from './quota.js';
import { notFound } from './quota-errors.js';
import { ReservationPath } from './quota.schema.js';

@Controller()
export class HoldsController {
  constructor(
    private readonly quota: Quota,
    private readonly entities: Entities,
    private readonly clock: Clock,
  ) {}

  @Route('GET /v1/admin/entities/:entity/holds', {
    scope: 'entity',
    role: 'admin',
    summary: 'List what an entity’s requests in flight and leases hold, soonest to expire first',
    answers: schemas.HeldHoldList,
  })
  async list(
    @Param({ schema: schemas.HoldsPath }) { entity }: { entity: EntityName },
    @Query({ schema: schemas.HoldsQuery }) { order, limit, after }: schemas.HoldsQuery,
    @Caller() caller: Principal,
  ) {
    requireEntity(caller, entity);
    await this.entities.find(entity);
    const listed = await this.quota.holds.page(entity, { order, after: after ?? null, limit: limit + 1 });
    if (listed === null) throw unknownCursor();
    const now = this.clock.now();
    return presentPage(listed, {
      limit,
      idOf: ({ hold }) => hold.id,
      present: (each) => presentHeld(each, now),
    });
  }

  @Route('GET /v1/quota/reservations/:id', {
    scope: 'own',
    role: 'gateway',
    alsoFor: ['finance'],
    summary: 'What a reservation holds; 404 once it has ended',
    answers: schemas.HeldHold,
  })
  async get(@Param({ schema: ReservationPath }) { id }: { id: string }, @Caller() caller: Principal) {
    const entity = entityOfReservation(id);
    requireEntity(caller, entity);
    if (entity === null) throw notFound(id);
    return presentHeld(await this.quota.holds.find(entity, id), this.clock.now());
  }
}
