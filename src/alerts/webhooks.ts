/** Webhooks: the addresses that alerts are sent to, and the secrets that sign what is sent. */
import { Injectable } from '@nestjs/common';
import { insertAuditEntry } from '../access/audit-log.js';
import { TallyError } from '../domain/errors.js';
import { randomId, type EntityName } from '../domain/ids.js';
import { Clock } from '../platform/clock.js';
import { Database, type Tx } from '../platform/database.js';
import { WebhookSender } from './webhook-sender.js';
import { newWebhookSecret } from './webhook-signature.js';
import { lockWebhooks } from './webhooks.sql.js';

export type WebhookRow = {
  readonly id: string;
  readonly url: string;
  /** Null receives the alerts of all entities. */
  readonly entity: string | null;
  readonly createdAt: Date;
};

/** For each entity, and for the webhooks that receive all entities. */
const WEBHOOKS_MAX = 20;

/** Everything but the secret. */
const COLUMNS = { id: true, url: true, entity: true, createdAt: true } as const;

@Injectable()
export class Webhooks {
  constructor(
    private readonly database: Database,
    private readonly clock: Clock,
    private readonly sender: WebhookSender,
  ) {}

  /** Oldest first: those of one entity, or with null all. */
  async list(entity: EntityName | null): Promise<WebhookRow[]> {
    return this.database.reader.webhook.findMany({
      where: { entity: entity ?? undefined },
      select: COLUMNS,
      orderBy: [{ createdAt: 'asc' }, { id: 'asc' }],
    });
  }

  /** The only answer that contains the secret. */
  async create(
    tx: Tx,
    order: { url: string; entity: EntityName | null; actor: string },
  ): Promise<WebhookRow & { secret: string }> {
    const { url, entity, actor } = order;
    const problem = this.sender.problemOf(url);
    if (problem !== null) throw new TallyError('invalid_request', `url: ${problem}`, { param: 'url' });
    const createdAt = await this.clock.bookingTime(tx);
    await lockWebhooks(tx);
    if ((await tx.webhook.count({ where: { entity } })) >= WEBHOOKS_MAX) {
      throw new TallyError('conflict', `there are ${WEBHOOKS_MAX} webhooks already`);
    }
    const webhook = {
      id: randomId('hook'),
      url,
      entity,
      secret: newWebhookSecret(),
      createdAt,
      nextAt: createdAt,
    };
    await tx.webhook.create({ data: webhook });
    await insertAuditEntry(tx, {
      at: createdAt,
      actor,
      entity,
      target: webhook.id,
      action: 'webhooks.create',
      before: null,
      after: { url },
    });
    return webhook;
  }

  /** Its deliveries go with it. `only` restricts it to one entity's; false if there is none. */
  async delete(tx: Tx, order: { id: string; only: EntityName | null; actor: string }): Promise<boolean> {
    const { id, only, actor } = order;
    const webhook = await tx.webhook.findFirst({ where: { id, entity: only ?? undefined }, select: COLUMNS });
    // Of two that delete it at once, the second one waits for the first and finds nothing to delete.
    if (webhook === null || (await tx.webhook.deleteMany({ where: { id } })).count === 0) return false;
    const at = await this.clock.bookingTime(tx);
    const { url, entity } = webhook;
    await insertAuditEntry(tx, {
      at,
      actor,
      entity,
      target: id,
      action: 'webhooks.delete',
      before: { url },
      after: null,
    });
    return true;
  }
}
