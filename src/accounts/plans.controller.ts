/** Admins: plans, whose limits hold for every entity that has none of its own. */
import { Body, Controller, Param } from '@nestjs/common';
import { Entities } from './entities.js';
import { UnknownEntities } from '../quota/unknown-entities.js';
import { DEFAULT_PLAN } from './default-plan.js';
import { Call, Changes, type ChangeCall } from '../access/changes.js';
import { limitsChangeOf } from './limits.schema.js';
import { Plans } from './plans.js';
import { presentPlan } from './plans.presenter.js';
import { presentAll } from '../http/list-page.js';
import { Route } from '../http/route.js';
import * as schemas from './plans.schema.js';

/** How many entities' quota states one statement loads when their plan changes. */
const PUBLISH_PAGE = 500;

@Controller()
export class PlansController {
  constructor(
    private readonly plans: Plans,
    private readonly entities: Entities,
    private readonly unknownEntities: UnknownEntities,
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
    const change = { ...limitsChangeOf(body), monthlyCreditPicos: body.monthly_credit_usd };
    const answer = await this.changes.make(call, [], async (tx) =>
      presentPlan(await this.plans.put(tx, { plan, change, actor: call.principal.keyId })),
    );
    await this.publish(plan);
    return answer;
  }

  /** Page by page, before the caller hears of the change: the next decision of each entity sees it. */
  private async publish(plan: string): Promise<void> {
    for (let after = '', full = true; full;) {
      const names = await this.entities.namesOfPlan({ plan, after, limit: PUBLISH_PAGE });
      await this.changes.publish(names.map((entity) => ({ entity, project: null })));
      full = names.length === PUBLISH_PAGE;
      after = names.at(-1) ?? after;
    }
    if (plan !== DEFAULT_PLAN) return;
    for await (const names of this.unknownEntities.pages()) {
      await this.changes.publish(names.map((entity) => ({ entity, project: null })));
    }
  }
}
