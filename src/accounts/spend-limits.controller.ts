/** Monthly caps in the form of OpenAI's API. They are the same limits as elsewhere, so the next decision sees a change. */
import { Body, Controller, Param } from '@nestjs/common';
import type { EntityName, ProjectName } from '../domain/ids.js';
import { picosFromCents } from '../domain/money.js';
import { SpendLimits, type LimitScope } from './spend-limits.js';
import { Call, Changes, type ChangeCall } from '../access/changes.js';
import { Organization, ORGANIZATION_HEADERS } from '../access/organization.js';
import { presentDeletedSpendLimit, presentSpendLimit } from './spend-limits.presenter.js';
import { Route } from '../http/route.js';
import * as schemas from './spend-limits.schema.js';

type ProjectPath = { project: ProjectName };

@Controller()
export class SpendLimitsController {
  constructor(
    private readonly spendLimits: SpendLimits,
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
    const to = { capPicos: picosFromCents(body.threshold_amount), actor: call.principal.keyId };
    return this.changes.make(call, [scope], async (tx) =>
      presentSpendLimit(scope, await this.spendLimits.set(tx, scope, to)),
    );
  }

  private async lift(scope: LimitScope, call: ChangeCall) {
    return this.changes.make(call, [scope], async (tx) => {
      await this.spendLimits.lift(tx, scope, { actor: call.principal.keyId });
      return presentDeletedSpendLimit(scope);
    });
  }
}
