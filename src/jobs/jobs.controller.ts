/** Admins: how far long work is, and what came of it. */
import { Controller, Param, Query } from '@nestjs/common';
import { presentPage } from '../http/list-page.js';
import { Route } from '../http/route.js';
import { json } from './job-answer.js';
import { Jobs } from './jobs.js';
import { presentEnded, presentJob } from './jobs.presenter.js';
import * as schemas from './jobs.schema.js';

@Controller()
export class JobsController {
  constructor(private readonly jobs: Jobs) {}

  @Route('GET /v1/admin/jobs', {
    scope: 'all',
    role: 'admin',
    summary: 'List jobs, newest first',
    answers: schemas.JobList,
  })
  async list(@Query({ schema: schemas.JobPage }) query: schemas.JobPage) {
    const { order, limit, kind = null, status = null, after = null } = query;
    const rows = await this.jobs.list({ kind, status, order, after, limit: limit + 1 });
    return presentPage(rows, { limit, idOf: ({ id }) => id, present: presentJob });
  }

  @Route('GET /v1/admin/jobs/:id', {
    scope: 'all',
    role: 'admin',
    summary: 'How far a job is, and what came of it',
    answers: schemas.Job,
  })
  async get(@Param({ schema: schemas.JobPath }) { id }: { id: string }) {
    return json(presentEnded(await this.jobs.get(id)));
  }
}
