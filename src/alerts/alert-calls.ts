/** What the routes of an entity's alerts and of the service's have in common: `entity` null is who runs the service. */
import { Injectable } from '@nestjs/common';
import { Changes, type ChangeCall } from '../access/changes.js';
import type { EntityName } from '../domain/ids.js';
import { AlertChannels } from './alert-channel.js';
import { newAlertOf, presentOne, presentSome } from './alerts.presenter.js';
import { Alerts } from './alerts.js';
import type { AlertOrder, AlertPage, ServiceAlertOrder } from './alerts.schema.js';

type Order = AlertOrder | ServiceAlertOrder;

@Injectable()
export class AlertCalls {
  constructor(
    private readonly alerts: Alerts,
    private readonly channels: AlertChannels,
    private readonly changes: Changes,
  ) {}

  async list(entity: EntityName | null, page: AlertPage) {
    return presentSome(await this.alerts.list(entity), page, await this.channels.undeliverable(entity));
  }

  async get(entity: EntityName | null, id: string) {
    return presentOne(await this.alerts.get(entity, id), await this.channels.undeliverable(entity));
  }

  async create(entity: EntityName | null, body: Order, call: ChangeCall) {
    const order = this.orderOf(body, call);
    const undeliverable = await this.channels.undeliverable(entity);
    return this.changes.make(call, [], async (tx) =>
      presentOne(await this.alerts.create(tx, entity, order), undeliverable),
    );
  }

  async update(entity: EntityName | null, { id, body }: { id: string; body: Order }, call: ChangeCall) {
    const order = { ...this.orderOf(body, call), id };
    const undeliverable = await this.channels.undeliverable(entity);
    return this.changes.make(call, [], async (tx) =>
      presentOne(await this.alerts.update(tx, entity, order), undeliverable),
    );
  }

  async delete(entity: EntityName | null, id: string, call: ChangeCall) {
    return this.changes.make(call, [], async (tx) => {
      await this.alerts.delete(tx, entity, { id, actor: call.principal.keyId });
      return { object: 'alert.deleted', id, deleted: true };
    });
  }

  private orderOf(body: Order, call: ChangeCall) {
    const alert = newAlertOf(body);
    this.channels.require(alert);
    return { alert, actor: call.principal.keyId };
  }
}
