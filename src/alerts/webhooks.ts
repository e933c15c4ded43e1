/** Webhooks: the addresses that alerts are sent to, and the secrets that sign what is sent. */
import { Injectable } from '@nestjs/common';
import { Accounts } from '../accounts/accounts.js';
import { insertAuditEntry } from '../access/audit-log.js';
import { assert, TallyError } from '../domain/errors.js';
import { randomId, type EntityName } from '../domain/ids.js';
import { behindRow, byTimeOfCreation, type Order } from '../http/list-order.js';
import { cursorRow } from '../http/list-page.js';
import { Clock } from '../platform/clock.js';
import { Database, type Tx } from '../platform/database.js';
import { WebhookSender } from './webhook-sender.js';
import { newWebhookSecret } from './webhook-signature.js';
import { lockWebhook, lockWebhooks } from './webhooks.sql.js';

export type WebhookRow = {
  readonly id: string;
  readonly url: string;
  /** Null receives the alerts of all entities. */
  readonly entity: string | null;
  readonly createdAt: Date;
  readonly rotatedAt: Date | null;
  /** The previous secret still signs too, until then. */
  readonly previousSecretUntil: Date | null;
  readonly failures: number;
  readonly nextAt: Date;
};

/** One that a key may touch: `only` restricts it to an entity's. */
export type WebhookScope = { readonly id: string; readonly only: EntityName | null };

/** For each entity, and for the webhooks that receive all entities. */
const WEBHOOKS_MAX = 20;

/** Everything but the secrets. */
const COLUMNS = {
  id: true,
  url: true,
  entity: true,
  createdAt: true,
  rotatedAt: true,
  previousSecretUntil: true,
  failures: true,
  nextAt: true,
} as const;

@Injectable()
export class Webhooks {
  constructor(
    private readonly database: Database,
    private readonly clock: Clock,
    private readonly sender: WebhookSender,
    private readonly accounts: Accounts,
  ) {}

  /** By creation time: those of one entity, or with null all. A page begins after the webhook `after`, or throws where there is none. */
  async list(
    entity: EntityName | null,
    page: { order: Order; after?: string | undefined; limit: number },
  ): Promise<WebhookRow[]> {
    const { reader } = this.database;
    const where = { entity: entity ?? undefined };
    const last = await cursorRow(page.after ?? null, (id) =>
      reader.webhook.findFirst({ where: { ...where, id }, select: COLUMNS }),
    );
    return reader.webhook.findMany({
      where: last === null ? where : { ...where, ...behindRow(last, page.order) },
      select: COLUMNS,
      orderBy: byTimeOfCreation(page.order),
      take: page.limit,
    });
  }

  /** Throws `not_found`. */
  async get({ id, only }: WebhookScope, tx: Tx = this.database.reader): Promise<WebhookRow> {
    const where = { id, entity: only ?? undefined };
    const webhook = await tx.webhook.findFirst({ where, select: COLUMNS });
    if (webhook === null) throw new TallyError('not_found', 'no such webhook');
    return webhook;
  }

  /** The same, and locks it until the transaction ends. */
  async lock(tx: Tx, scope: WebhookScope): Promise<WebhookRow> {
    await this.get(scope, tx);
    await lockWebhook(tx, scope);
    return this.get(scope, tx);
  }

  /** How many receive what concerns an entity, or with null what concerns all. */
  async countFor(entity: string | null, tx: Tx = this.database.reader): Promise<number> {
    return tx.webhook.count({ where: { OR: [{ entity: null }, ...(entity === null ? [] : [{ entity }])] } });
  }

  /** Throws `not_found` for an entity that does not exist. Its secret is not in the row: `secretOf` reads it after the commit. */
  async create(
    tx: Tx,
    order: { url: string; entity: EntityName | null; actor: string },
  ): Promise<WebhookRow> {
    const { url, entity, actor } = order;
    const problem = this.sender.problemOf(url);
    if (problem !== null) throw new TallyError('invalid_request', `url: ${problem}`, { param: 'url' });
    if (entity !== null) await this.accounts.require(tx, entity);
    const createdAt = await this.clock.bookingTime(tx);
    await lockWebhooks(tx);
    if ((await tx.webhook.count({ where: { entity } })) >= WEBHOOKS_MAX) {
      throw new TallyError('conflict', `there are ${WEBHOOKS_MAX} webhooks already`);
    }
    const id = randomId('hook');
    const secret = newWebhookSecret();
    const webhook = await tx.webhook.create({
      data: { id, url, entity, secret, createdAt, nextAt: createdAt },
      select: COLUMNS,
    });
    await this.audit(tx, { webhook, actor, action: 'webhooks.create', before: null, after: { url } });
    return webhook;
  }

  /** Gives it another secret. The previous one still signs too, for `overlapSeconds`; one from before that no longer does. */
  async rotate(
    tx: Tx,
    scope: WebhookScope,
    { overlapSeconds, actor }: { overlapSeconds: number; actor: string },
  ): Promise<WebhookRow> {
    const before = await this.lock(tx, scope);
    const { secret } = await tx.webhook.findUniqueOrThrow({
      where: { id: scope.id },
      select: { secret: true },
    });
    const now = await this.clock.bookingTime(tx);
    // Two rotations within a millisecond are told apart by their times.
    const at = new Date(Math.max(now.getTime(), (before.rotatedAt?.getTime() ?? 0) + 1));
    const isOverlapping = overlapSeconds > 0;
    const webhook = await tx.webhook.update({
      where: { id: scope.id },
      data: {
        secret: newWebhookSecret(),
        rotatedAt: at,
        previousSecret: isOverlapping ? secret : null,
        previousSecretUntil: isOverlapping ? new Date(at.getTime() + overlapSeconds * 1_000) : null,
      },
      select: COLUMNS,
    });
    const after = { rotated_at: at.toISOString(), overlap_seconds: overlapSeconds };
    await this.audit(tx, { webhook, actor, action: 'webhooks.rotate', before: null, after });
    return webhook;
  }

  /** The secret that a webhook got when it was created or, with a time, rotated then; null if it has another one by now. */
  async secretOf(id: string, rotatedAt: Date | null): Promise<string | null> {
    const row = await this.database.reader.webhook.findFirst({
      where: { id, rotatedAt },
      select: { secret: true },
    });
    return row?.secret ?? null;
  }

  /** Its deliveries go with it. Throws `not_found`. */
  async delete(tx: Tx, scope: WebhookScope, { actor }: { actor: string }): Promise<void> {
    // Of two that delete it at once, the second one waits for the first and finds nothing.
    const webhook = await this.lock(tx, scope);
    const { count } = await tx.webhook.deleteMany({ where: { id: scope.id } });
    assert(count === 1, 'a locked webhook is there');
    const { url } = webhook;
    await this.audit(tx, { webhook, actor, action: 'webhooks.delete', before: { url }, after: null });
  }

  /** What was done to a webhook, in the transaction that does it. */
  async audit(
    tx: Tx,
    change: {
      webhook: WebhookRow;
      actor: string;
      action: string;
      before: Record<string, unknown> | null;
      after: Record<string, unknown> | null;
    },
  ): Promise<void> {
    const { webhook, ...rest } = change;
    const at = await this.clock.bookingTime(tx);
    await insertAuditEntry(tx, { at, entity: webhook.entity, target: webhook.id, ...rest });
  }
}
