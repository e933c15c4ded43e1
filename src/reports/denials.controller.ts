/** Finance: which requests of an entity were denied, by which limit, and how often. */
import { Controller, Param, Query } from '@nestjs/common';
import { requireKnown } from '../access/known-entities.js';
import { EntityPath } from '../accounts/entities.schema.js';
import type { EntityName } from '../domain/ids.js';
import { unixSeconds } from '../domain/unix-time.js';
import { inOrder } from '../http/list-order.js';
import { presentSlice } from '../http/list-page.js';
import { Route } from '../http/route.js';
import { ReportsDatabase } from '../platform/reports-database.js';
import { presentDenied } from '../quota/quota.presenter.js';
import { Quota } from '../quota/quota.js';
import * as schemas from './denials.schema.js';

@Controller()
export class DenialsController {
  constructor(
    private readonly quota: Quota,
    private readonly reports: ReportsDatabase,
  ) {}

  @Route('GET /v1/entities/:entity/denials', {
    role: 'finance',
    scope: 'entity',
    summary:
      'The newest denied requests, each explained, and how many there were by hour and limit in the last seven days',
    answers: schemas.DenialList,
  })
  async list(
    @Param({ schema: EntityPath }) { entity }: { entity: EntityName },
    @Query({ schema: schemas.DenialsQuery }) query: schemas.DenialsQuery,
  ) {
    await this.reports.read((tx) => requireKnown(tx, entity));
    const { order, limit, after, denied_by: deniedBy } = query;
    const found = await this.quota.denials(entity);
    const wanted = <T>(rows: readonly T[], limitOf: (row: T) => string) =>
      rows.filter((row) => deniedBy === undefined || limitOf(row) === deniedBy);
    const newestFirst = wanted(found.denials, ({ denial }) => denial.limit);
    const denials = inOrder(newestFirst, { order, usual: 'desc' });
    return {
      ...presentSlice(denials, { limit, after, idOf: ({ id }) => id, present: presentDenied }),
      hours: wanted(found.hours, (row) => row.limit).map(({ hour, limit: name, count }) => ({
        start_time: unixSeconds(hour),
        limit: name,
        denied: count,
      })),
    };
  }
}
