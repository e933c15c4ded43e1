import { Module } from '@nestjs/common';
import { AccessModule } from '../access/access.module.js';
import { AccountsModule } from '../accounts/accounts.module.js';
import { AlertCalls } from './alert-calls.js';
import { AlertChannels } from './alert-channel.js';
import { AlertFiring } from './alert-firing.js';
import { AlertsController } from './alerts.controller.js';
import { Alerts } from './alerts.js';
import { ServiceAlertsController } from './service-alerts.controller.js';
import { MailDeliveries } from './mail-deliveries.js';
import { MailsController } from './mails.controller.js';
import { Notifications } from './notifications.js';
import { SpendAlertFiring } from './spend-alert-firing.js';
import { SpendAlertsController } from './spend-alerts.controller.js';
import { SpendAlerts } from './spend-alerts.js';
import { WebhookDeliveries } from './webhook-deliveries.js';
import { WebhookDeliveryLog } from './webhook-delivery-log.js';
import { WebhooksController } from './webhooks.controller.js';
import { Webhooks } from './webhooks.js';

const SERVICES = [
  Alerts,
  AlertFiring,
  SpendAlerts,
  SpendAlertFiring,
  AlertChannels,
  Notifications,
  Webhooks,
  WebhookDeliveries,
  WebhookDeliveryLog,
  MailDeliveries,
];

@Module({ imports: [AccountsModule], providers: SERVICES, exports: SERVICES })
export class AlertsModule {}

@Module({
  imports: [AccessModule, AlertsModule],
  providers: [AlertCalls],
  controllers: [
    AlertsController,
    ServiceAlertsController,
    SpendAlertsController,
    WebhooksController,
    MailsController,
  ],
})
export class AlertsApi {}
