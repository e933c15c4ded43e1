/** Monthly caps in OpenAI's shape; a change goes the way of every change of limits, so that quota sees it at once. */
import { Body, Controller, Param } from '@nestjs/common';
import type { EntityName, ProjectName } from '../domain/ids.js';
import { picosFromCents } from '../domain/money.js';
import { LimitsService } from './limits.js';
import { SpendLimits, type LimitScope } from './spend-limits.js';
import type { Tx } from '../platform/database.js';
import { Call, Changes, type ChangeCall } from '../access/changes.js';
import { Organization, ORGANIZATION_HEADERS } from '../access/organization.js';
import { presentDeletedSpendLimit, presentSpendLimit } from './spend-limits.presenter.js';
import { Route } from '../http/route.js';
import * as schemas from './spend-limits.schema.js';

type ProjectPath = { project: ProjectName };

@Controller()
export class SpendLimitController {
  constructor(
    private readonly spendLimits: SpendLimits,
    private readonly limits: LimitsService,
    private readonly changes: Changes,
  ) {}

  @Route('GET /v1/organization/spend_limit', {
    role: 'finance',
    summary: "Get the organization's monthly limit",
    answers: schemas.SpendLimit,
    headers: ORGANIZATION_HEADERS,
  })
  async get(@Organization() entity: EntityName) {
    return this.find({ entity, project: null });
  }

  @Route('POST /v1/organization/spend_limit', {
    role: 'admin',
    summary: "Set the organization's monthly limit",
    answers: schemas.SpendLimit,
    headers: ORGANIZATION_HEADERS,
    idempotent: true,
  })
  async set(
    @Organization() entity: EntityName,
    @Body({ schema: schemas.SpendLimitOrder }) body: schemas.SpendLimitOrder,
    @Call() call: ChangeCall,
  ) {
    return this.replace({ entity, project: null }, body, call);
  }

  @Route('DELETE /v1/organization/spend_limit', {
    role: 'admin',
    summary: "Lift the organization's monthly limit",
    answers: schemas.DeletedSpendLimit,
    headers: ORGANIZATION_HEADERS,
  })
  async delete(@Organization() entity: EntityName, @Call() call: ChangeCall) {
    return this.lift({ entity, project: null }, call);
  }

  @Route('GET /v1/organization/projects/:project/spend_limit', {
    role: 'finance',
    summary: "Get a project's monthly limit",
    answers: schemas.SpendLimit,
    headers: ORGANIZATION_HEADERS,
  })
  async getOfProject(
    @Organization() entity: EntityName,
    @Param({ schema: schemas.SpendPath }) { project }: ProjectPath,
  ) {
    return this.find({ entity, project });
  }

  @Route('POST /v1/organization/projects/:project/spend_limit', {
    role: 'admin',
    summary: "Set a project's monthly limit",
    answers: schemas.SpendLimit,
    headers: ORGANIZATION_HEADERS,
    idempotent: true,
  })
  async setOfProject(
    @Organization() entity: EntityName,
    @Param({ schema: schemas.SpendPath }) { project }: ProjectPath,
    @Body({ schema: schemas.SpendLimitOrder }) body: schemas.SpendLimitOrder,
    @Call() call: ChangeCall,
  ) {
    return this.replace({ entity, project }, body, call);
  }

  @Route('DELETE /v1/organization/projects/:project/spend_limit', {
    role: 'admin',
    summary: "Lift a project's monthly limit",
    answers: schemas.DeletedSpendLimit,
    headers: ORGANIZATION_HEADERS,
  })
  async deleteOfProject(
    @Organization() entity: EntityName,
    @Param({ schema: schemas.SpendPath }) { project }: ProjectPath,
    @Call() call: ChangeCall,
  ) {
    return this.lift({ entity, project }, call);
  }

  private async find(scope: LimitScope) {
    return presentSpendLimit(scope, await this.spendLimits.find(scope));
  }

  private async replace(scope: LimitScope, body: schemas.SpendLimitOrder, call: ChangeCall) {
    const capPicos = picosFromCents(body.threshold_amount);
    return this.changes.make(call, [scope], async (tx) => {
      await this.change(tx, scope, capPicos, call);
      return presentSpendLimit(scope, await this.spendLimits.find(scope, tx));
    });
  }

  /** Lifting twice is no error: a client repeats what it got no answer to. */
  private async lift(scope: LimitScope, call: ChangeCall) {
    return this.changes.make(call, [scope], async (tx) => {
      await this.spendLimits.requireScope(scope, tx);
      await this.change(tx, scope, null, call);
      return presentDeletedSpendLimit(scope);
    });
  }

  private async change(
    tx: Tx,
    { entity, project }: LimitScope,
    monthlyCapPicos: bigint | null,
    call: ChangeCall,
  ): Promise<void> {
    const actor = call.principal.keyId;
    const change = { monthlyCapPicos };
    if (project === null) await this.limits.changeEntity(tx, { entity, change, actor });
    else await this.limits.changeProject(tx, { entity, project, change, actor });
  }
}
