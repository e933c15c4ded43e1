/** Admins: alerts of who runs the service. They watch every entity, and the queue. */
import { Body, Controller, Param, Query } from '@nestjs/common';
import { Call, type ChangeCall } from '../access/changes.js';
import { Route } from '../http/route.js';
import { AlertCalls } from './alert-calls.js';
import * as schemas from './alerts.schema.js';

type Path = { alert: string };

const ADMIN = { role: 'admin', scope: 'all' } as const;

@Controller()
export class ServiceAlertsController {
  constructor(private readonly calls: AlertCalls) {}

  @Route('GET /v1/admin/alerts', {
    ...ADMIN,
    summary: 'List the alerts that watch all entities, newest first',
    answers: schemas.AlertList,
  })
  async list(@Query({ schema: schemas.AlertPage }) page: schemas.AlertPage) {
    return this.calls.list(null, page);
  }

  @Route('POST /v1/admin/alerts', {
    ...ADMIN,
    summary: 'Be told of what is low, near or wrong',
    answers: schemas.Alert,
    status: 201,
    idempotent: true,
  })
  async create(
    @Body({ schema: schemas.ServiceAlertOrder }) body: schemas.ServiceAlertOrder,
    @Call() call: ChangeCall,
  ) {
    return this.calls.create(null, body, call);
  }

  @Route('GET /v1/admin/alerts/:alert', { ...ADMIN, summary: 'Get an alert', answers: schemas.Alert })
  async get(@Param({ schema: schemas.AnAlertPath }) { alert }: Path) {
    return this.calls.get(null, alert);
  }

  @Route('POST /v1/admin/alerts/:alert', {
    ...ADMIN,
    summary: 'Replace an alert; it is armed again',
    answers: schemas.Alert,
    idempotent: true,
  })
  async update(
    @Param({ schema: schemas.AnAlertPath }) { alert: id }: Path,
    @Body({ schema: schemas.ServiceAlertOrder }) body: schemas.ServiceAlertOrder,
    @Call() call: ChangeCall,
  ) {
    return this.calls.update(null, { id, body }, call);
  }

  @Route('DELETE /v1/admin/alerts/:alert', {
    ...ADMIN,
    summary: 'Delete an alert',
    answers: schemas.DeletedAlert,
  })
  async delete(@Param({ schema: schemas.AnAlertPath }) { alert }: Path, @Call() call: ChangeCall) {
    return this.calls.delete(null, alert, call);
  }
}
