/** Admins: erase a person, and say how long what is not money is kept. */
import { Body, Controller, Param, Query, Res } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { Call, Changes, type ChangeCall } from '../access/changes.js';
import { Accounts } from '../accounts/accounts.js';
import { DryRun } from '../http/dry-run.schema.js';
import { TallyError } from '../domain/errors.js';
import type { EntityName } from '../domain/ids.js';
import { formatUsdOrNull } from '../domain/money.js';
import { unixSecondsOrNull } from '../domain/unix-time.js';
import { presentAll } from '../http/list-page.js';
import { Route } from '../http/route.js';
import type { Tx } from '../platform/database.js';
import { answerOf, MayBeAJob } from '../jobs/job-answer.js';
import { Jobs } from '../jobs/jobs.js';
import { presentJob } from '../jobs/jobs.presenter.js';
import { EventMonths, type EventMonth } from './event-months.js';
import { erasureOrder } from './erasure-job.js';
import * as schemas from './retention.schema.js';
import {
  MONTHS_MAX,
  FIXED_KINDS,
  RETENTION,
  RETENTION_KINDS,
  RetentionSettings,
  type Retention,
  type RetentionKind,
} from './retention-settings.js';

@Controller()
export class RetentionController {
  constructor(
    private readonly settings: RetentionSettings,
    private readonly months: EventMonths,
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

  @Route('GET /v1/admin/settings/retention/event_months', {
    scope: 'all',
    role: 'admin',
    summary:
      'List the months of usage: whether their events are stored, due to be dropped, kept for a reason, or dropped, with the record that remains',
    answers: schemas.EventMonthList,
  })
  async eventMonths(@Query({ schema: schemas.EventMonthsQuery }) query: schemas.EventMonthsQuery) {
    const months = query.events_months ?? (await this.settings.get()).events;
    return presentAll(await this.months.list(months), { idOf: ({ month }) => month, present: presentMonth });
  }

  @Route('PUT /v1/admin/settings/retention', {
    scope: 'all',
    role: 'admin',
    summary: 'Change for how many months what is not money is kept; what is left out stays, null is for ever',
    answers: schemas.Retention,
    idempotent: true,
  })
  async put(
    @Query({ schema: DryRun }) { dry_run: dryRun }: DryRun,
    @Body({ schema: schemas.RetentionOrder }) body: schemas.RetentionOrder,
    @Call() call: ChangeCall,
  ) {
    const kinds = Object.fromEntries(
      RETENTION_KINDS.flatMap((kind) => {
        const months = body[`${kind}_months`];
        return months === undefined ? [] : [[kind, months]];
      }),
    ) as Partial<Retention>;
    const { keyId: actor } = call.principal;
    const change = async (tx: Tx) => presentRetention(await this.settings.change(tx, { kinds, actor }));
    return this.changes.make(call, [], change, { dryRun });
  }
}

function presentRetention(kept: Retention): schemas.Retention {
  const months = RETENTION_KINDS.map((kind) => [`${kind}_months`, kept[kind]] as const);
  const settable = RETENTION_KINDS.map((kind) => {
    const { months: byDefault, minMonths, what, afterwards } = RETENTION[kind];
    const bounds = { default_months: byDefault, min_months: minMonths, max_months: MONTHS_MAX };
    return { setting: `${kind}_months`, what, kept: inWords(kept[kind]), afterwards, ...bounds };
  });
  const fixed = { setting: null, default_months: null, min_months: null, max_months: null };
  return {
    object: 'retention',
    ...(Object.fromEntries(months) as Record<`${RetentionKind}_months`, number | null>),
    money_months: null,
    kinds: [...settable, ...FIXED_KINDS.map((kind) => ({ ...fixed, ...kind }))],
  };
}

function inWords(months: number | null): string {
  if (months === null) return 'for ever';
  return months === 1 ? '1 month' : `${months} months`;
}

function presentMonth({ month, state, waitsFor, events, costPicos, droppedAt, hash }: EventMonth) {
  return {
    object: 'event_month' as const,
    month,
    state,
    waits_for: [...waitsFor],
    events: events === null ? null : Number(events),
    cost_usd: formatUsdOrNull(costPicos),
    dropped_at: unixSecondsOrNull(droppedAt),
    hash,
  };
}
