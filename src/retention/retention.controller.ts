/** Admins: erase a person, and say how long what is not money is kept. */
import { Body, Controller, Param, Res } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { Call, Changes, type ChangeCall } from '../access/changes.js';
import { Accounts } from '../accounts/accounts.js';
import { TallyError } from '../domain/errors.js';
import type { EntityName } from '../domain/ids.js';
import { Route } from '../http/route.js';
import { answerOf, MayBeAJob } from '../jobs/job-answer.js';
import { Jobs } from '../jobs/jobs.js';
import { presentJob } from '../jobs/jobs.presenter.js';
import { erasureOrder } from './erasure-job.js';
import * as schemas from './retention.schema.js';
import { RetentionSettings, type Retention } from './retention-settings.js';

@Controller()
export class RetentionController {
  constructor(
    private readonly settings: RetentionSettings,
    private readonly accounts: Accounts,
    private readonly changes: Changes,
    private readonly jobs: Jobs,
  ) {}

  @MayBeAJob()
  @Route('POST /v1/admin/entities/:entity/erase', {
    scope: 'entity',
    role: 'admin',
    summary: 'Remove a person from everything that names them; amounts and counts stay',
    answers: schemas.Erasure,
    idempotent: true,
  })
  async erase(
    @Param({ schema: schemas.ErasurePath }) { entity }: { entity: EntityName },
    @Body({ schema: schemas.ErasureOrder }) { user_id: userId, tag }: schemas.ErasureOrder,
    @Call() call: ChangeCall,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    const { keyId: actor } = call.principal;
    const person = tag === undefined ? { userId: userId! } : { tag };
    const job = await this.changes.make(call, [], async (tx) => {
      if (!(await this.accounts.exists(tx, entity)))
        throw new TallyError('not_found', `no entity ${entity}`, { param: 'entity' });
      return presentJob(await this.jobs.start(tx, erasureOrder({ entity, person, actor })));
    });
    return answerOf(this.jobs, job.id, reply);
  }

  @Route('GET /v1/admin/settings/retention', {
    scope: 'all',
    role: 'admin',
    summary: 'For how many months what is not money is kept',
    answers: schemas.Retention,
  })
  async get() {
    return presentRetention(await this.settings.get());
  }

  @Route('PUT /v1/admin/settings/retention', {
    scope: 'all',
    role: 'admin',
    summary: 'Change for how many months what is not money is kept; what is left out stays, null is for ever',
    answers: schemas.Retention,
    idempotent: true,
  })
  async put(
    @Body({ schema: schemas.RetentionOrder }) body: schemas.RetentionOrder,
    @Call() call: ChangeCall,
  ) {
    const kinds = Object.fromEntries(
      schemas.RETENTION_KINDS.flatMap((kind) => {
        const months = body[`${kind}_months`];
        return months === undefined ? [] : [[kind, months]];
      }),
    ) as Partial<Retention>;
    const { keyId: actor } = call.principal;
    return this.changes.make(call, [], async (tx) =>
      presentRetention(await this.settings.change(tx, { kinds, actor })),
    );
  }
}

function presentRetention(kept: Retention): schemas.Retention {
  return {
    object: 'retention',
    personal_data_months: kept.personal_data,
    audit_log_months: kept.audit_log,
    dead_letters_months: kept.dead_letters,
    conflicts_months: kept.conflicts,
    jobs_months: kept.jobs,
    webhook_deliveries_months: kept.webhook_deliveries,
    idempotency_keys_months: kept.idempotency_keys,
    money_months: null,
  };
}
