import { Module } from '@nestjs/common';
import { AccessModule } from '../access/access.module.js';
import { JobsModule } from '../jobs/jobs.module.js';
import { InboxMetrics } from './inbox-metrics.js';
import { Inbox } from './inbox.js';
import { InboxController } from './inbox.controller.js';

@Module({ imports: [JobsModule], providers: [Inbox, InboxMetrics], exports: [Inbox] })
export class InboxModule {}

@Module({ imports: [AccessModule, InboxModule], controllers: [InboxController] })
export class InboxApi {}
