/** Admins: the addresses that alerts are sent to. */
import { Body, Controller, Param } from '@nestjs/common';
import { Webhooks, type WebhookRow } from './webhooks.js';
import { Call, Changes, type ChangeCall } from '../access/changes.js';
import { unixSeconds } from '../domain/unix-time.js';
import { presentAll } from '../http/list-page.js';
import { Caller, missing, requireEntity, type Principal } from '../access/principal.js';
import { Route } from '../http/route.js';
import * as schemas from './webhooks.schema.js';

@Controller()
export class WebhooksController {
  constructor(
    private readonly webhooks: Webhooks,
    private readonly changes: Changes,
  ) {}

  @Route('GET /v1/admin/webhooks', { role: 'admin', summary: 'List webhooks', answers: schemas.WebhookList })
  async list(@Caller() { entity }: Principal) {
    const rows = await this.webhooks.list(entity);
    return presentAll(rows, { idOf: (row) => row.id, present: presentWebhook });
  }

  @Route('POST /v1/admin/webhooks', {
    role: 'admin',
    summary: 'Send alerts to an address',
    answers: schemas.NewWebhook,
    status: 201,
  })
  async create(@Body({ schema: schemas.WebhookOrder }) body: schemas.WebhookOrder, @Call() call: ChangeCall) {
    const entity = body.entity ?? null;
    requireEntity(call.principal, entity);
    const order = { url: body.url, entity, actor: call.principal.keyId };
    // Not idempotent: the idempotency record would hold the secret.
    return this.changes.make({ ...call, idempotency: null }, [], async (tx) => {
      const webhook = await this.webhooks.create(tx, order);
      return { ...presentWebhook(webhook), secret: webhook.secret };
    });
  }

  @Route('DELETE /v1/admin/webhooks/:id', {
    role: 'admin',
    summary: 'Delete a webhook and its pending deliveries',
    answers: schemas.DeletedWebhook,
  })
  async delete(@Param({ schema: schemas.WebhookPath }) { id }: { id: string }, @Call() call: ChangeCall) {
    const { entity: only, keyId: actor } = call.principal;
    return this.changes.make(call, [], async (tx) => {
      if (!(await this.webhooks.delete(tx, { id, only, actor })))
        throw missing(call.principal, 'such webhook');
      return { object: 'webhook.deleted', id, deleted: true };
    });
  }
}

function presentWebhook(row: WebhookRow): schemas.Webhook {
  return {
    object: 'webhook',
    id: row.id,
    url: row.url,
    entity: row.entity,
    created_at: unixSeconds(row.createdAt),
  };
}
