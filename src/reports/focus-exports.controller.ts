/** Finance: a month as a FOCUS file. */
import { Controller, Query, StreamableFile } from '@nestjs/common';
import { FocusExports } from './focus-exports.js';
import { Caller, requireEntity, type Principal } from '../access/principal.js';
import { Route } from '../http/route.js';
import * as schemas from './focus-exports.schema.js';
import { requireKnown } from '../access/known-entities.js';
import { LaggingReports } from '../platform/lagging-reports.js';

@Controller()
export class FocusExportsController {
  constructor(
    private readonly focus: FocusExports,
    private readonly database: LaggingReports,
  ) {}

  @Route('GET /v1/exports/focus.csv', {
    scope: 'own',
    role: 'finance',
    lags: true,
    summary: 'A month as FOCUS Cost and Usage rows, streamed; an answer that breaks off is incomplete',
    produces: 'text/csv',
  })
  async readFocus(
    @Query({ schema: schemas.FocusQuery }) query: schemas.FocusQuery,
    @Caller() caller: Principal,
  ): Promise<StreamableFile> {
    if (query.entity !== undefined) requireEntity(caller, query.entity);
    const entity = query.entity ?? caller.entity;
    if (entity !== null) await this.database.read((tx) => requireKnown(tx, entity));
    const { period } = query;
    const name = ['focus', period, ...(entity === null ? [] : [entity])].join('-');
    return new StreamableFile(await this.focus.open({ period, entity }), {
      type: 'text/csv; charset=utf-8; header=present',
      disposition: `attachment; filename="${name}.csv"`,
    });
  }
}
