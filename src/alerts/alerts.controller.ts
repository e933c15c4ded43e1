/** Alerts of an organization of other kinds than spend: low credits, caps that are near, usage that waits or is not read. */
import { Body, Controller, Param, Query } from '@nestjs/common';
import { Call, type ChangeCall } from '../access/changes.js';
import { Organization, ORGANIZATION_HEADERS } from '../access/organization.js';
import type { EntityName } from '../domain/ids.js';
import { Route } from '../http/route.js';
import { AlertCalls } from './alert-calls.js';
import * as schemas from './alerts.schema.js';

type Path = { alert: string };

const READ = { role: 'finance', scope: 'own', headers: ORGANIZATION_HEADERS } as const;
const WRITE = {
  role: 'admin',
  alsoFor: ['owner'],
  scope: 'own',
  headers: ORGANIZATION_HEADERS,
} as const;

@Controller()
export class AlertsController {
  constructor(private readonly calls: AlertCalls) {}

  @Route('GET /v1/organization/alerts', {
    ...READ,
    summary: "List the organization's alerts, newest first",
    answers: schemas.AlertList,
  })
  async list(
    @Organization() entity: EntityName,
    @Query({ schema: schemas.AlertPage }) page: schemas.AlertPage,
  ) {
    return this.calls.list(entity, page);
  }

  @Route('POST /v1/organization/alerts', {
    ...WRITE,
    summary: 'Be told of what is low, near or wrong',
    answers: schemas.Alert,
    status: 201,
    idempotent: true,
  })
  async create(
    @Organization() entity: EntityName,
    @Body({ schema: schemas.AlertOrder }) body: schemas.AlertOrder,
    @Call() call: ChangeCall,
  ) {
    return this.calls.create(entity, body, call);
  }

  @Route('GET /v1/organization/alerts/:alert', { ...READ, summary: 'Get an alert', answers: schemas.Alert })
  async get(@Organization() entity: EntityName, @Param({ schema: schemas.AnAlertPath }) { alert }: Path) {
    return this.calls.get(entity, alert);
  }

  @Route('POST /v1/organization/alerts/:alert', {
    ...WRITE,
    summary: 'Replace an alert; it is armed again',
    answers: schemas.Alert,
    idempotent: true,
  })
  async update(
    @Organization() entity: EntityName,
    @Param({ schema: schemas.AnAlertPath }) { alert: id }: Path,
    @Body({ schema: schemas.AlertOrder }) body: schemas.AlertOrder,
    @Call() call: ChangeCall,
  ) {
    return this.calls.update(entity, { id, body }, call);
  }

  @Route('DELETE /v1/organization/alerts/:alert', {
    ...WRITE,
    summary: 'Delete an alert',
    answers: schemas.DeletedAlert,
  })
  async delete(
    @Organization() entity: EntityName,
    @Param({ schema: schemas.AnAlertPath }) { alert }: Path,
    @Call() call: ChangeCall,
  ) {
    return this.calls.delete(entity, alert, call);
  }
}
