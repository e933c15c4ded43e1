/** Admins: plans. A plan's limit counts for each of its entities that has none of its own. */
import { Body, Controller, Param } from '@nestjs/common';
import { Call, Changes, type ChangeCall } from '../access/changes.js';
import { limitsChangeOf } from './limits.schema.js';
import { Plans, type PlanChange } from './plans.js';
import { presentPlan } from './plans.presenter.js';
import { presentAll } from '../http/list-page.js';
import { Route } from '../http/route.js';
import * as schemas from './plans.schema.js';

@Controller()
export class PlansController {
  constructor(
    private readonly plans: Plans,
    private readonly changes: Changes,
  ) {}

  @Route('GET /v1/admin/plans', { role: 'admin', summary: 'List plans', answers: schemas.PlanList })
  async list() {
    return presentAll(await this.plans.list(), { idOf: (row) => row.name, present: presentPlan });
  }

  @Route('GET /v1/admin/plans/:plan', { role: 'admin', summary: 'Get a plan', answers: schemas.Plan })
  async get(@Param({ schema: schemas.PlanPath }) { plan }: { plan: string }) {
    return presentPlan(await this.plans.find(plan));
  }

  @Route('PUT /v1/admin/plans/:plan', {
    role: 'admin',
    allEntities: true,
    summary: 'Create a plan, or change it for all its entities',
    answers: schemas.Plan,
  })
  async put(
    @Param({ schema: schemas.PlanPath }) { plan }: { plan: string },
    @Body({ schema: schemas.PlanPut }) body: schemas.PlanPut,
    @Call() call: ChangeCall,
  ) {
    const change: PlanChange = {
      ...limitsChangeOf(body),
      monthlyCreditPicos: body.monthly_credit_usd,
    };
    return this.changes.make(call, [{ plan }], async (tx) =>
      presentPlan(await this.plans.put(tx, { plan, change, actor: call.principal.keyId })),
    );
  }
}
