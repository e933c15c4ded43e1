/** Tells of what an alert reports: every webhook that receives its entity, and the alert's recipients by mail. */
import { Injectable } from '@nestjs/common';
import type { Tx } from '../platform/database.js';
import { newEvent } from './event.js';
import { MailDeliveries } from './mail-deliveries.js';
import { WebhookDeliveries } from './webhook-deliveries.js';

/** Whom an alert mails to. */
export type Channel = { readonly recipients: readonly string[]; readonly subjectPrefix: string | null };

export type Notice = {
  readonly type: string;
  /** Empty where it is about none. */
  readonly entity: string;
  /** False for what concerns only who runs the service. */
  readonly isForEntity: boolean;
  readonly data: Readonly<Record<string, unknown>>;
  readonly channel: Channel;
  /** For people: a line that says what happened, and sentences below it. */
  readonly subject: string;
  readonly sentences: readonly string[];
};

@Injectable()
export class Notifications {
  constructor(
    private readonly webhooks: WebhookDeliveries,
    private readonly mails: MailDeliveries,
  ) {}

  /** Queues it all, in the transaction of what is reported. */
  async tell(tx: Tx, notices: readonly Notice[], at: Date): Promise<void> {
    const events = notices.map((notice) => {
      const { recipients, subjectPrefix } = notice.channel;
      const channel = { type: 'email', recipients, subject_prefix: subjectPrefix };
      const data = { ...notice.data, notification_channel: channel };
      return { ...notice, event: newEvent({ type: notice.type, at, data }) };
    });
    await this.webhooks.enqueue(
      tx,
      events.map(({ event, entity, isForEntity }) => ({ ...event, entity, isForEntity })),
      at,
    );
    const letters = events.map(({ event, entity, isForEntity, channel, subject, sentences }) => ({
      event,
      entity: isForEntity ? entity : '',
      recipients: channel.recipients,
      subject: channel.subjectPrefix === null ? subject : `${channel.subjectPrefix}: ${subject}`,
      body: sentences.join('\n'),
    }));
    await this.mails.enqueue(tx, letters, at);
  }
}
