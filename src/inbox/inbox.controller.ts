/** Admins: what waits for a person. */
import { Controller } from '@nestjs/common';
import { Route } from '../http/route.js';
import { presentInbox } from './inbox.presenter.js';
import * as schemas from './inbox.schema.js';
import { Inbox } from './inbox.js';

@Controller()
export class InboxController {
  constructor(private readonly inbox: Inbox) {}

  @Route('GET /v1/admin/inbox', {
    scope: 'all',
    role: 'admin',
    summary: 'What waits for a person, counted',
    answers: schemas.Inbox,
  })
  async look() {
    return presentInbox(await this.inbox.look());
  }
}
