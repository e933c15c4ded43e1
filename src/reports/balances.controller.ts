/** Finance: an entity's balance and usage. */
import { Controller, Param, Query } from '@nestjs/common';
import type { EntityName } from '../domain/ids.js';
import { BalanceReports } from './balance-report.js';
import { presentBalance, presentForecast, presentUsage } from './balances.presenter.js';
import { Route } from '../http/route.js';
import * as schemas from './balances.schema.js';
import { EntityPath } from '../accounts/entities.schema.js';

@Controller()
export class BalancesController {
  constructor(private readonly balances: BalanceReports) {}

  @Route('GET /v1/entities/:entity/balance', {
    role: 'finance',
    summary: 'What an entity has, has spent and may spend',
    answers: schemas.Balance,
  })
  async balance(@Param({ schema: EntityPath }) { entity }: { entity: EntityName }) {
    return presentBalance(await this.balances.balance(entity));
  }

  @Route('GET /v1/entities/:entity/forecast', {
    role: 'finance',
    summary: 'What the month will have cost at its end, with a range',
    answers: schemas.Forecast,
  })
  async forecast(@Param({ schema: EntityPath }) { entity }: { entity: EntityName }) {
    return presentForecast(await this.balances.balance(entity));
  }

  @Route('GET /v1/entities/:entity/usage', {
    role: 'finance',
    summary: 'Usage by project and model, in whole hours; by default of the current month',
    answers: schemas.EntityUsage,
  })
  async usage(
    @Param({ schema: EntityPath }) { entity }: { entity: EntityName },
    @Query({ schema: schemas.UsageQuery }) query: schemas.UsageQuery,
  ) {
    const usage = await this.balances.usage({
      entity,
      start: query.start_time ?? null,
      end: query.end_time ?? null,
    });
    return presentUsage({ entity, ...usage });
  }
}
