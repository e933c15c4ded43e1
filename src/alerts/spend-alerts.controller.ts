/** Spend alerts in OpenAI's shape, of the organization and of its projects. */
import { Body, Controller, Param, Query } from '@nestjs/common';
import type { EntityName, ProjectName } from '../domain/ids.js';
import { picosFromCents } from '../domain/money.js';
import { AlertChannels } from './alert-channel.js';
import { SpendAlerts, type AlertOrder, type AlertScope } from './spend-alerts.js';
import { Call, Changes, type ChangeCall } from '../access/changes.js';
import { Organization, ORGANIZATION_HEADERS } from '../access/organization.js';
import { presentAlert, presentAlerts, presentDeletedAlert } from './spend-alerts.presenter.js';
import { Route } from '../http/route.js';
import * as schemas from './spend-alerts.schema.js';

type Path = { alert: string };
type ProjectPath = { project: ProjectName };

const READ = {
  role: 'finance',
  scope: 'own',
  headers: ORGANIZATION_HEADERS,
} as const;
const WRITE = {
  role: 'admin',
  alsoFor: ['owner'],
  scope: 'own',
  headers: ORGANIZATION_HEADERS,
} as const;

@Controller()
export class SpendAlertsController {
  constructor(
    private readonly alerts: SpendAlerts,
    private readonly channels: AlertChannels,
    private readonly changes: Changes,
  ) {}

  @Route('GET /v1/organization/spend_alerts', {
    ...READ,
    summary: "List the organization's spend alerts",
    answers: schemas.SpendAlertList,
  })
  async list(
    @Organization() entity: EntityName,
    @Query({ schema: schemas.SpendAlertPage }) page: schemas.SpendAlertPage,
  ) {
    return this.page({ entity, project: null }, page);
  }

  @Route('POST /v1/organization/spend_alerts', {
    ...WRITE,
    summary: 'Alert when the month of the organization reaches a threshold',
    answers: schemas.SpendAlert,
    idempotent: true,
  })
  async create(
    @Organization() entity: EntityName,
    @Body({ schema: schemas.SpendAlertOrder }) body: schemas.SpendAlertOrder,
    @Call() call: ChangeCall,
  ) {
    return this.add({ entity, project: null }, body, call);
  }

  @Route('GET /v1/organization/spend_alerts/:alert', {
    ...READ,
    summary: "Get one of the organization's spend alerts",
    answers: schemas.SpendAlert,
  })
  async get(@Organization() entity: EntityName, @Param({ schema: schemas.AlertPath }) { alert }: Path) {
    return this.one({ entity, project: null }, alert);
  }

  @Route('POST /v1/organization/spend_alerts/:alert', {
    ...WRITE,
    summary: "Change one of the organization's spend alerts",
    answers: schemas.SpendAlert,
    idempotent: true,
  })
  async update(
    @Organization() entity: EntityName,
    @Param({ schema: schemas.AlertPath }) { alert }: Path,
    @Body({ schema: schemas.SpendAlertOrder }) body: schemas.SpendAlertOrder,
    @Call() call: ChangeCall,
  ) {
    return this.change({ entity, project: null }, { id: alert, body }, call);
  }

  @Route('DELETE /v1/organization/spend_alerts/:alert', {
    ...WRITE,
    summary: "Delete one of the organization's spend alerts",
    answers: schemas.DeletedSpendAlert,
  })
  async delete(
    @Organization() entity: EntityName,
    @Param({ schema: schemas.AlertPath }) { alert }: Path,
    @Call() call: ChangeCall,
  ) {
    return this.remove({ entity, project: null }, alert, call);
  }

  @Route('GET /v1/organization/projects/:project/spend_alerts', {
    ...READ,
    summary: "List a project's spend alerts",
    answers: schemas.SpendAlertList,
  })
  async listOfProject(
    @Organization() entity: EntityName,
    @Param({ schema: schemas.ProjectAlertsPath }) { project }: ProjectPath,
    @Query({ schema: schemas.SpendAlertPage }) page: schemas.SpendAlertPage,
  ) {
    return this.page({ entity, project }, page);
  }

  @Route('POST /v1/organization/projects/:project/spend_alerts', {
    ...WRITE,
    summary: 'Alert when the month of a project reaches a threshold',
    answers: schemas.SpendAlert,
    idempotent: true,
  })
  async createOfProject(
    @Organization() entity: EntityName,
    @Param({ schema: schemas.ProjectAlertsPath }) { project }: ProjectPath,
    @Body({ schema: schemas.SpendAlertOrder }) body: schemas.SpendAlertOrder,
    @Call() call: ChangeCall,
  ) {
    return this.add({ entity, project }, body, call);
  }

  @Route('GET /v1/organization/projects/:project/spend_alerts/:alert', {
    ...READ,
    summary: "Get one of a project's spend alerts",
    answers: schemas.SpendAlert,
  })
  async getOfProject(
    @Organization() entity: EntityName,
    @Param({ schema: schemas.ProjectAlertPath }) { project, alert }: ProjectPath & Path,
  ) {
    return this.one({ entity, project }, alert);
  }

  @Route('POST /v1/organization/projects/:project/spend_alerts/:alert', {
    ...WRITE,
    summary: "Change one of a project's spend alerts",
    answers: schemas.SpendAlert,
    idempotent: true,
  })
  async updateOfProject(
    @Organization() entity: EntityName,
    @Param({ schema: schemas.ProjectAlertPath }) { project, alert }: ProjectPath & Path,
    @Body({ schema: schemas.SpendAlertOrder }) body: schemas.SpendAlertOrder,
    @Call() call: ChangeCall,
  ) {
    return this.change({ entity, project }, { id: alert, body }, call);
  }

  @Route('DELETE /v1/organization/projects/:project/spend_alerts/:alert', {
    ...WRITE,
    summary: "Delete one of a project's spend alerts",
    answers: schemas.DeletedSpendAlert,
  })
  async deleteOfProject(
    @Organization() entity: EntityName,
    @Param({ schema: schemas.ProjectAlertPath }) { project, alert }: ProjectPath & Path,
    @Call() call: ChangeCall,
  ) {
    return this.remove({ entity, project }, alert, call);
  }

  private async page(scope: AlertScope, page: schemas.SpendAlertPage) {
    const rows = await this.alerts.list(scope);
    return presentAlerts(rows, page, await this.channels.undeliverable(scope.entity));
  }

  private async one(scope: AlertScope, id: string) {
    const row = await this.alerts.get(scope, id);
    return presentAlert(row, await this.channels.undeliverable(scope.entity));
  }

  private async add(scope: AlertScope, body: schemas.SpendAlertOrder, call: ChangeCall) {
    const order = this.orderOf(body, call);
    const undeliverable = await this.channels.undeliverable(scope.entity);
    return this.changes.make(call, [], async (tx) =>
      presentAlert(await this.alerts.create(tx, scope, order), undeliverable),
    );
  }

  private async change(
    scope: AlertScope,
    { id, body }: { id: string; body: schemas.SpendAlertOrder },
    call: ChangeCall,
  ) {
    const order = { ...this.orderOf(body, call), id };
    const undeliverable = await this.channels.undeliverable(scope.entity);
    return this.changes.make(call, [], async (tx) =>
      presentAlert(await this.alerts.update(tx, scope, order), undeliverable),
    );
  }

  private async remove(scope: AlertScope, id: string, call: ChangeCall) {
    return this.changes.make(call, [], async (tx) => {
      await this.alerts.delete(tx, scope, { id, actor: call.principal.keyId });
      return presentDeletedAlert(id, scope.project);
    });
  }

  private orderOf(body: schemas.SpendAlertOrder, call: ChangeCall): AlertOrder & { actor: string } {
    const { recipients, subject_prefix: subjectPrefix = null } = body.notification_channel;
    this.channels.require({ recipients });
    const thresholdPicos = picosFromCents(body.threshold_amount);
    return { thresholdPicos, recipients, subjectPrefix, actor: call.principal.keyId };
  }
}
