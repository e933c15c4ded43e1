/** Monthly limits in the form of OpenAI's API: an admin's are the caps, a customer's own stand beside them. The next decision sees a change. */
import { Body, Controller, Param, Query } from '@nestjs/common';
import type { EntityName, ProjectName } from '../domain/ids.js';
import { SpendLimits, type LimitScope, type SpendLimit } from './spend-limits.js';
import { Call, Changes, type ChangeCall } from '../access/changes.js';
import { Caller, type Principal } from '../access/principal.js';
import { Conditional, IF_MATCH, type Precondition } from '../http/preconditions.js';
import { Organization, ORGANIZATION_HEADERS } from '../access/organization.js';
import { presentDeletedSpendLimit, presentSpendLimit, settingOf } from './spend-limits.presenter.js';
import { Route } from '../http/route.js';
import type { Tx } from '../platform/database.js';
import { DryRun } from '../http/dry-run.schema.js';
import * as schemas from './spend-limits.schema.js';

type ProjectPath = { project: ProjectName };

@Controller()
export class SpendLimitsController {
  constructor(
    private readonly spendLimits: SpendLimits,
    private readonly changes: Changes,
  ) {}

  @Route('GET /v1/organization/spend_limit', {
    scope: 'own',
    role: 'finance',
    alsoFor: ['owner'],
    summary: "Get the organization's monthly limit",
    answers: schemas.SpendLimit,
    headers: ORGANIZATION_HEADERS,
    tagged: true,
  })
  async get(
    @Organization() entity: EntityName,
    @Caller() { role }: Principal,
    @Conditional() precondition: Precondition,
  ) {
    return this.find({ entity, project: null, role }, precondition);
  }

  @Route('POST /v1/organization/spend_limit', {
    scope: 'own',
    role: 'admin',
    alsoFor: ['owner'],
    summary: "Set the organization's monthly limit",
    answers: schemas.SpendLimit,
    headers: [...ORGANIZATION_HEADERS, IF_MATCH],
    idempotent: true,
    tagged: true,
  })
  async set(
    @Organization() entity: EntityName,
    @Query({ schema: DryRun }) { dry_run: dryRun }: DryRun,
    @Body({ schema: schemas.SpendLimitOrder }) body: schemas.SpendLimitOrder,
    @Call() call: ChangeCall,
    @Conditional() precondition: Precondition,
  ) {
    return this.replace({ entity, project: null, ...roleOf(call) }, body, { call, precondition, dryRun });
  }

  @Route('DELETE /v1/organization/spend_limit', {
    scope: 'own',
    role: 'admin',
    alsoFor: ['owner'],
    summary: "Remove the organization's own monthly limit; its plan's counts again",
    answers: schemas.DeletedSpendLimit,
    headers: [...ORGANIZATION_HEADERS, IF_MATCH],
  })
  async delete(
    @Organization() entity: EntityName,
    @Query({ schema: DryRun }) { dry_run: dryRun }: DryRun,
    @Call() call: ChangeCall,
    @Conditional() precondition: Precondition,
  ) {
    return this.remove({ entity, project: null, ...roleOf(call) }, { call, precondition, dryRun });
  }

  @Route('GET /v1/organization/projects/:project/spend_limit', {
    scope: 'own',
    role: 'finance',
    alsoFor: ['owner'],
    summary: "Get a project's monthly limit",
    answers: schemas.SpendLimit,
    headers: ORGANIZATION_HEADERS,
    tagged: true,
  })
  async getOfProject(
    @Organization() entity: EntityName,
    @Param({ schema: schemas.SpendPath }) { project }: ProjectPath,
    @Caller() { role }: Principal,
    @Conditional() precondition: Precondition,
  ) {
    return this.find({ entity, project, role }, precondition);
  }

  @Route('POST /v1/organization/projects/:project/spend_limit', {
    scope: 'own',
    role: 'admin',
    alsoFor: ['owner'],
    summary: "Set a project's monthly limit",
    answers: schemas.SpendLimit,
    headers: [...ORGANIZATION_HEADERS, IF_MATCH],
    idempotent: true,
    tagged: true,
  })
  async setOfProject(
    @Organization() entity: EntityName,
    @Param({ schema: schemas.SpendPath }) { project }: ProjectPath,
    @Query({ schema: DryRun }) { dry_run: dryRun }: DryRun,
    @Body({ schema: schemas.SpendLimitOrder }) body: schemas.SpendLimitOrder,
    @Call() call: ChangeCall,
    @Conditional() precondition: Precondition,
  ) {
    return this.replace({ entity, project, ...roleOf(call) }, body, { call, precondition, dryRun });
  }

  @Route('DELETE /v1/organization/projects/:project/spend_limit', {
    scope: 'own',
    role: 'admin',
    alsoFor: ['owner'],
    summary: "Remove a project's own monthly limit",
    answers: schemas.DeletedSpendLimit,
    headers: [...ORGANIZATION_HEADERS, IF_MATCH],
  })
  async deleteOfProject(
    @Organization() entity: EntityName,
    @Param({ schema: schemas.SpendPath }) { project }: ProjectPath,
    @Query({ schema: DryRun }) { dry_run: dryRun }: DryRun,
    @Call() call: ChangeCall,
    @Conditional() precondition: Precondition,
  ) {
    return this.remove({ entity, project, ...roleOf(call) }, { call, precondition, dryRun });
  }

  private async find(scope: LimitScope, precondition: Precondition) {
    const limit = await this.spendLimits.find(scope);
    return precondition.tagged(presentSpendLimit(scope, limit), settingOf(limit));
  }

  private async replace(scope: LimitScope, body: schemas.SpendLimitOrder, asked: Asked) {
    const { call, precondition, dryRun } = asked;
    const to = { cents: body.threshold_amount, picos: body.threshold_usd };
    const order = { to, ...byWhom(call, precondition) };
    const set = async (tx: Tx) => presentSpendLimit(scope, await this.spendLimits.set(tx, scope, order));
    const made = await this.changes.make(call, [scope], set, { dryRun });
    const { threshold_usd, source } = made;
    return precondition.tagged(made, { threshold_usd, source });
  }

  private async remove(scope: LimitScope, { call, precondition, dryRun }: Asked) {
    const remove = async (tx: Tx) => {
      await this.spendLimits.remove(tx, scope, byWhom(call, precondition));
      return presentDeletedSpendLimit(scope);
    };
    return this.changes.make(call, [scope], remove, { dryRun });
  }
}

type Asked = { readonly call: ChangeCall; readonly precondition: Precondition; readonly dryRun: boolean };

function roleOf({ principal }: ChangeCall) {
  return { role: principal.role };
}

function byWhom({ principal }: ChangeCall, precondition: Precondition) {
  const expected = (before: SpendLimit | null) =>
    precondition.check(before === null ? null : settingOf(before));
  return { actor: principal.keyId, expected };
}
