/** Admins, and owners for their entity: the addresses that alerts are sent to, and what was sent to them. */
import { Body, Controller, Param, Query } from '@nestjs/common';
import { Call, Changes, type ChangeCall } from '../access/changes.js';
import { Caller, requireEntity, type Principal } from '../access/principal.js';
import { TallyError } from '../domain/errors.js';
import { presentPage } from '../http/list-page.js';
import { Route } from '../http/route.js';
import { Clock } from '../platform/clock.js';
import { Database, type Tx } from '../platform/database.js';
import { WebhookDeliveryLog } from './webhook-delivery-log.js';
import { presentDelivery, presentWebhook } from './webhooks.presenter.js';
import { Webhooks, type WebhookRow } from './webhooks.js';
import * as schemas from './webhooks.schema.js';

type Path = { id: string };

const ROLES = { role: 'admin', alsoFor: ['owner'], scope: 'own' } as const;

@Controller()
export class WebhooksController {
  constructor(
    private readonly webhooks: Webhooks,
    private readonly log: WebhookDeliveryLog,
    private readonly changes: Changes,
    private readonly clock: Clock,
    private readonly database: Database,
  ) {}

  @Route('GET /v1/admin/webhooks', {
    ...ROLES,
    summary: 'List webhooks, oldest first',
    answers: schemas.WebhookList,
  })
  async list(
    @Query({ schema: schemas.WebhookPage }) { order, limit, after }: schemas.WebhookPage,
    @Caller() { entity }: Principal,
  ) {
    const rows = await this.webhooks.list(entity, { order, after, limit: limit + 1 });
    const at = await this.now();
    return presentPage(rows, {
      limit,
      idOf: (row) => row.id,
      present: (row) => presentWebhook(row, at),
    });
  }

  @Route('POST /v1/admin/webhooks', {
    ...ROLES,
    summary: 'Send alerts to an address',
    answers: schemas.NewWebhook,
    status: 201,
    idempotent: true,
  })
  async create(@Body({ schema: schemas.WebhookOrder }) body: schemas.WebhookOrder, @Call() call: ChangeCall) {
    const { principal } = call;
    const entity = body.entity ?? principal.entity;
    requireEntity(principal, entity);
    const order = { url: body.url, entity, actor: principal.keyId };
    return this.withSecret(call, (tx) => this.webhooks.create(tx, order));
  }

  @Route('GET /v1/admin/webhooks/:id', { ...ROLES, summary: 'Get a webhook', answers: schemas.Webhook })
  async get(@Param({ schema: schemas.WebhookPath }) { id }: Path, @Caller() { entity: only }: Principal) {
    return presentWebhook(await this.webhooks.get({ id, only }), await this.now());
  }

  @Route('DELETE /v1/admin/webhooks/:id', {
    ...ROLES,
    summary: 'Delete a webhook and its deliveries',
    answers: schemas.DeletedWebhook,
  })
  async delete(@Param({ schema: schemas.WebhookPath }) { id }: Path, @Call() call: ChangeCall) {
    const { entity: only, keyId: actor } = call.principal;
    return this.changes.make(call, [], async (tx) => {
      await this.webhooks.delete(tx, { id, only }, { actor });
      return { object: 'webhook.deleted', id, deleted: true };
    });
  }

  @Route('POST /v1/admin/webhooks/:id/rotate', {
    ...ROLES,
    summary: 'Give a webhook another secret; for a while both sign',
    answers: schemas.NewWebhook,
    idempotent: true,
  })
  async rotate(
    @Param({ schema: schemas.WebhookPath }) { id }: Path,
    @Body({ schema: schemas.RotationOrder }) body: schemas.RotationOrder,
    @Call() call: ChangeCall,
  ) {
    const { entity: only, keyId: actor } = call.principal;
    const order = { overlapSeconds: body.overlap_seconds, actor };
    return this.withSecret(call, (tx) => this.webhooks.rotate(tx, { id, only }, order));
  }

  @Route('POST /v1/admin/webhooks/:id/test', {
    ...ROLES,
    summary: 'Send a webhook an event that reports nothing',
    answers: schemas.WebhookDelivery,
    status: 201,
    idempotent: true,
  })
  async test(@Param({ schema: schemas.WebhookPath }) { id }: Path, @Call() call: ChangeCall) {
    const { entity: only, keyId: actor } = call.principal;
    return this.changes.make(call, [], async (tx) =>
      presentDelivery(await this.log.test(tx, { id, only }, { actor })),
    );
  }

  @Route('GET /v1/admin/webhooks/:id/deliveries', {
    ...ROLES,
    summary: 'List what a webhook was sent in the last month, newest first',
    answers: schemas.WebhookDeliveryList,
  })
  async deliveries(
    @Param({ schema: schemas.WebhookPath }) { id }: Path,
    @Query({ schema: schemas.DeliveryPage }) page: schemas.DeliveryPage,
    @Caller() { entity: only }: Principal,
  ) {
    const { order, limit, after = null, status = null } = page;
    const rows = await this.log.list({ id, only }, { status, order, after, limit: limit + 1 });
    return presentPage(rows, { limit, idOf: (row) => row.id, present: presentDelivery });
  }

  @Route('GET /v1/admin/webhooks/:id/deliveries/:delivery', {
    ...ROLES,
    summary: 'Get a delivery of a webhook',
    answers: schemas.WebhookDelivery,
  })
  async delivery(
    @Param({ schema: schemas.DeliveryPath }) { id, delivery }: schemas.DeliveryPath,
    @Caller() { entity: only }: Principal,
  ) {
    return presentDelivery(await this.log.get({ id, only }, delivery));
  }

  @Route('POST /v1/admin/webhooks/:id/deliveries/:delivery/resend', {
    ...ROLES,
    summary: 'Send a webhook an event again, under the same id',
    answers: schemas.WebhookDelivery,
    idempotent: true,
  })
  async resend(
    @Param({ schema: schemas.DeliveryPath }) { id, delivery }: schemas.DeliveryPath,
    @Call() call: ChangeCall,
  ) {
    const { entity: only, keyId: actor } = call.principal;
    return this.changes.make(call, [], async (tx) =>
      presentDelivery(await this.log.resend(tx, { id, only }, { delivery, actor })),
    );
  }

  /**
   * Answers with the secret that `change` gave. What is kept under an idempotency key has none: a repetition reads it again, as long as it
   * is still the webhook's.
   */
  private async withSecret(
    call: ChangeCall,
    change: (tx: Tx) => Promise<WebhookRow>,
  ): Promise<schemas.NewWebhook> {
    const { webhook, rotatedAtMs } = await this.changes.make(call, [], async (tx) => {
      const row = await change(tx);
      const at = await this.clock.bookingTime(tx);
      return { webhook: presentWebhook(row, at), rotatedAtMs: row.rotatedAt?.getTime() ?? null };
    });
    const rotatedAt = rotatedAtMs === null ? null : new Date(rotatedAtMs);
    const secret = await this.webhooks.secretOf(webhook.id, rotatedAt);
    if (secret === null)
      throw new TallyError('conflict', 'the webhook was rotated or deleted since: its secret is another');
    return { ...webhook, secret };
  }

  private now(): Promise<Date> {
    return this.clock.bookingTime(this.database.reader);
  }
}
