/** Admins: plans. A plan's limit counts for each of its entities that has none of its own. */
import { Body, Controller, Param, Query } from '@nestjs/common';
import { Call, Changes, type ChangeCall } from '../access/changes.js';
import { limitsChangeOf } from './limits.schema.js';
import { Conditional, IF_MATCH, IF_NONE_MATCH, type Precondition } from '../http/preconditions.js';
import { Plans, type PlanChange, type PlanRow } from './plans.js';
import { presentPlan } from './plans.presenter.js';
import { presentPage } from '../http/list-page.js';
import { Route } from '../http/route.js';
import { DryRun } from '../http/dry-run.schema.js';
import * as schemas from './plans.schema.js';

@Controller()
export class PlansController {
  constructor(
    private readonly plans: Plans,
    private readonly changes: Changes,
  ) {}

  @Route('GET /v1/admin/plans', {
    scope: 'all',
    role: 'admin',
    summary: 'List plans, by name',
    answers: schemas.PlanList,
  })
  async list(@Query({ schema: schemas.PlanPage }) page: schemas.PlanPage) {
    const { order, limit, after = null } = page;
    const rows = await this.plans.page({ order, after, limit: limit + 1 });
    return presentPage(rows, { limit, idOf: (row) => row.name, present: presentPlan });
  }

  @Route('GET /v1/admin/plans/:plan', {
    scope: 'all',
    role: 'admin',
    summary: 'Get a plan',
    answers: schemas.Plan,
    tagged: true,
  })
  async get(
    @Param({ schema: schemas.PlanPath }) { plan }: { plan: string },
    @Conditional() precondition: Precondition,
  ) {
    return precondition.tagged(presentPlan(await this.plans.find(plan)));
  }

  @Route('PUT /v1/admin/plans/:plan', {
    scope: 'all',
    role: 'admin',
    summary: 'Create a plan, or change it for all its entities',
    answers: schemas.Plan,
    idempotent: true,
    headers: [IF_MATCH, IF_NONE_MATCH],
    tagged: true,
  })
  async put(
    @Param({ schema: schemas.PlanPath }) { plan }: { plan: string },
    @Query({ schema: DryRun }) { dry_run: dryRun }: DryRun,
    @Body({ schema: schemas.PlanPut }) body: schemas.PlanPut,
    @Call() call: ChangeCall,
    @Conditional() precondition: Precondition,
  ) {
    const change: PlanChange = {
      ...limitsChangeOf(body),
      monthlyCreditPicos: body.monthly_credit_usd,
    };
    const expected = (before: PlanRow | null) =>
      precondition.check(before === null ? null : presentPlan(before));
    const order = { plan, change, expected, actor: call.principal.keyId };
    return precondition.tagged(
      await this.changes.make(call, [{ plan }], async (tx) => presentPlan(await this.plans.put(tx, order)), {
        dryRun,
      }),
    );
  }
}
