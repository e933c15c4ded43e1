/** Finance: an entity's balance, and the forecast that comes with it. */
import { Controller, Param } from '@nestjs/common';
import { EntityPath } from '../accounts/entities.schema.js';
import type { EntityName } from '../domain/ids.js';
import { Route } from '../http/route.js';
import { BalanceReports } from './balance-reports.js';
import { presentBalance, presentForecast } from './balances.presenter.js';
import * as schemas from './balances.schema.js';

@Controller()
export class BalancesController {
  constructor(private readonly balances: BalanceReports) {}

  @Route('GET /v1/entities/:entity/balance', {
    scope: 'entity',
    role: 'finance',
    summary: 'What an entity has, has spent and may spend',
    answers: schemas.Balance,
  })
  async balance(@Param({ schema: EntityPath }) { entity }: { entity: EntityName }) {
    return presentBalance(await this.balances.read(entity));
  }

  @Route('GET /v1/entities/:entity/forecast', {
    scope: 'entity',
    role: 'finance',
    summary: 'What the month will have cost at its end, with a range',
    answers: schemas.Forecast,
  })
  async forecast(@Param({ schema: EntityPath }) { entity }: { entity: EntityName }) {
    return presentForecast(await this.balances.read(entity));
  }
}
