/** Where an alert goes: who may be named for mail, and what is shown of an alert that reaches nobody. */
import { Injectable } from '@nestjs/common';
import { TallyError } from '../domain/errors.js';
import { MailDeliveries } from './mail-deliveries.js';
import type { Channel } from './notifications.js';
import { Webhooks } from './webhooks.js';

/** Why nobody, or not everybody, is told of an alert; null where all are. */
export type Undeliverable = (channel: Pick<Channel, 'recipients'>) => string | null;

@Injectable()
export class AlertChannels {
  constructor(
    private readonly webhooks: Webhooks,
    private readonly mails: MailDeliveries,
  ) {}

  /** Throws where an alert is to mail and nothing can be mailed. */
  require({ recipients }: Pick<Channel, 'recipients'>): void {
    if (recipients.length === 0 || this.mails.isSetUp) return;
    const param = 'notification_channel.recipients';
    throw new TallyError(
      'invalid_request',
      `${param}: no mail server is set up. Set SMTP_URL and SMTP_FROM, or leave the recipients out and have a webhook (POST /v1/admin/webhooks) receive the alert`,
      { param },
    );
  }

  /** For the alerts of an entity, or with null of who runs the service. */
  async undeliverable(entity: string | null): Promise<Undeliverable> {
    const isHooked = (await this.webhooks.countFor(entity)) > 0;
    return ({ recipients }) => {
      if (recipients.length > 0 && !this.mails.isSetUp)
        return 'its recipients get no mail: no mail server is set up (SMTP_URL)';
      return recipients.length === 0 && !isHooked
        ? 'nobody is told: it has no recipients, and no webhook receives it'
        : null;
    };
  }
}
