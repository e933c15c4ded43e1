import { Module } from '@nestjs/common';
import { AccessModule } from '../access/access.module.js';
import { JobsModule } from '../jobs/jobs.module.js';
import { Inbox } from './inbox.js';
import { InboxController } from './inbox.controller.js';

@Module({ imports: [AccessModule, JobsModule], providers: [Inbox], controllers: [InboxController] })
export class InboxApi {}
