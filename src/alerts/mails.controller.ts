/** Admins, and owners for their entity: what alerts have mailed. */
import { Controller, Query } from '@nestjs/common';
import { Caller, type Principal } from '../access/principal.js';
import { unixSeconds } from '../domain/unix-time.js';
import { presentPage } from '../http/list-page.js';
import { Route } from '../http/route.js';
import type { MailDelivery as MailRow } from '../platform/prisma/client.js';
import { MailDeliveries } from './mail-deliveries.js';
import * as schemas from './mails.schema.js';
import { attemptsOf } from './webhooks.presenter.js';

@Controller()
export class MailsController {
  constructor(private readonly mails: MailDeliveries) {}

  @Route('GET /v1/admin/mail_deliveries', {
    role: 'admin',
    alsoFor: ['owner'],
    scope: 'own',
    summary: 'List what alerts have mailed in the last month, newest first',
    answers: schemas.MailDeliveryList,
  })
  async list(@Query({ schema: schemas.MailPage }) page: schemas.MailPage, @Caller() { entity }: Principal) {
    const { order, limit, after = null, status = null } = page;
    const rows = await this.mails.list({ entity, status, order, after, limit: limit + 1 });
    return presentPage(rows, { limit, idOf: (row) => row.id, present: presentMail });
  }
}

function presentMail(row: MailRow): schemas.MailDelivery {
  return {
    object: 'mail.delivery',
    id: row.id,
    event: row.eventId,
    type: row.eventType,
    entity: row.entity === '' ? null : row.entity,
    recipient: row.recipient,
    subject: row.subject,
    body: row.body,
    status: row.status as schemas.MailDelivery['status'],
    created_at: unixSeconds(row.createdAt),
    next_attempt_at: row.status === 'pending' ? unixSeconds(row.nextAttemptAt) : null,
    attempts: attemptsOf(row.attemptLog),
  };
}
