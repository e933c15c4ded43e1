/** Admins: prepaid credits and the ledger behind them. */
import { Body, Controller, Param, Query } from '@nestjs/common';
import { Accounts } from '../accounts/accounts.js';
import { Database, type Tx } from '../platform/database.js';
import { Clock } from '../platform/clock.js';
import { Grants, type GrantRow } from './grants.js';
import { Ledger } from './ledger.js';
import type { EntityName } from '../domain/ids.js';
import { Call, Changes, type ChangeCall } from '../access/changes.js';
import { presentGrant, presentLedgerEntry } from './credits.presenter.js';
import { presentPage } from '../http/list-page.js';
import { DryRun } from '../http/dry-run.schema.js';
import { Route } from '../http/route.js';
import * as schemas from './credits.schema.js';
import { EntityPath } from '../accounts/entities.schema.js';

/** An id that is not of this form belongs to no entry. */
const ENTRY_ID = /^\d{1,18}$/;

@Controller()
export class CreditsController {
  constructor(
    private readonly grants: Grants,
    private readonly entries: Ledger,
    private readonly changes: Changes,
    private readonly clock: Clock,
    private readonly accounts: Accounts,
    private readonly database: Database,
  ) {}

  @Route('POST /v1/admin/entities/:entity/credits', {
    role: 'admin',
    scope: 'entity',
    summary: 'Grant credits',
    answers: schemas.CreditGrant,
    status: 201,
    idempotent: true,
  })
  async grant(
    @Param({ schema: EntityPath }) { entity }: { entity: EntityName },
    @Body({ schema: schemas.GrantOrder }) body: schemas.GrantOrder,
    @Query({ schema: DryRun }) { dry_run: dryRun }: DryRun,
    @Call() call: ChangeCall,
  ) {
    const order = {
      entity,
      amountPicos: body.amount_usd,
      category: body.category,
      priority: body.priority,
      effectiveAt: body.effective_at ?? null,
      expiresAt: body.expires_at ?? null,
      reference: body.reference ?? null,
      note: body.note ?? null,
      actor: call.principal.keyId,
    };
    return this.change(call, { entity, dryRun }, (tx) => this.grants.grant(tx, order));
  }

  @Route('GET /v1/admin/entities/:entity/credits', {
    role: 'admin',
    scope: 'entity',
    summary: 'List grants with what is left of them, newest first',
    answers: schemas.CreditGrantList,
  })
  async list(
    @Param({ schema: EntityPath }) { entity }: { entity: EntityName },
    @Query({ schema: schemas.GrantPage }) page: schemas.GrantPage,
  ) {
    const { order, limit, after = null } = page;
    await this.accounts.require(this.database.reader, entity);
    const at = this.clock.now();
    const present = (row: GrantRow) => presentGrant(row, at);
    const rows = await this.grants.page({ entity, order, after, limit: limit + 1 });
    return presentPage(rows, { limit, idOf: (row) => row.id, present });
  }

  @Route('GET /v1/admin/entities/:entity/credits/:grant', {
    role: 'admin',
    scope: 'entity',
    summary: 'A grant with what is left of it',
    answers: schemas.CreditGrant,
  })
  async one(@Param({ schema: schemas.GrantPath }) { entity, grant }: { entity: EntityName; grant: string }) {
    return presentGrant(await this.grants.find({ entity, grantId: grant }), this.clock.now());
  }

  @Route('POST /v1/admin/entities/:entity/credits/:grant/void', {
    role: 'admin',
    scope: 'entity',
    summary: 'Take back what is left of a grant, or an amount of it, with or without a refund',
    answers: schemas.CreditGrant,
    idempotent: true,
  })
  async void(
    @Param({ schema: schemas.GrantPath }) { entity, grant }: { entity: EntityName; grant: string },
    @Body({ schema: schemas.VoidOrder }) body: schemas.VoidOrder,
    @Query({ schema: DryRun }) { dry_run: dryRun }: DryRun,
    @Call() call: ChangeCall,
  ) {
    const { amount_usd: amountPicos = null, reason, refund } = body;
    const order = { entity, grantId: grant, amountPicos, refund, reason, actor: call.principal.keyId };
    return this.change(call, { entity, dryRun }, (tx) => this.grants.void(tx, order));
  }

  @Route('POST /v1/admin/entities/:entity/credits/:grant/freeze', {
    role: 'admin',
    scope: 'entity',
    summary: 'Keep what is left of a grant from being spent, as while a purchase is disputed',
    answers: schemas.CreditGrant,
    idempotent: true,
  })
  async freeze(
    @Param({ schema: schemas.GrantPath }) { entity, grant }: { entity: EntityName; grant: string },
    @Body({ schema: schemas.FreezeOrder }) { reason }: schemas.FreezeOrder,
    @Query({ schema: DryRun }) { dry_run: dryRun }: DryRun,
    @Call() call: ChangeCall,
  ) {
    const order = { entity, grantId: grant, reason, actor: call.principal.keyId };
    return this.change(call, { entity, dryRun }, (tx) => this.grants.freeze(tx, order));
  }

  @Route('POST /v1/admin/entities/:entity/credits/:grant/unfreeze', {
    role: 'admin',
    scope: 'entity',
    summary: 'Let what is left of a frozen grant be spent again',
    answers: schemas.CreditGrant,
    idempotent: true,
  })
  async unfreeze(
    @Param({ schema: schemas.GrantPath }) { entity, grant }: { entity: EntityName; grant: string },
    @Body({ schema: schemas.FreezeOrder }) { reason }: schemas.FreezeOrder,
    @Query({ schema: DryRun }) { dry_run: dryRun }: DryRun,
    @Call() call: ChangeCall,
  ) {
    const order = { entity, grantId: grant, reason, actor: call.principal.keyId };
    return this.change(call, { entity, dryRun }, (tx) => this.grants.unfreeze(tx, order));
  }

  @Route('GET /v1/admin/entities/:entity/ledger', {
    role: 'admin',
    scope: 'entity',
    summary: 'List ledger entries, newest first, by time, kind or grant',
    answers: schemas.LedgerEntryList,
  })
  async ledger(
    @Param({ schema: EntityPath }) { entity }: { entity: EntityName },
    @Query({ schema: schemas.LedgerPage }) page: schemas.LedgerPage,
  ) {
    const { order, limit, after = null, kind, grant: grantId, start_time: from, end_time: to } = page;
    await this.accounts.require(this.database.reader, entity);
    const of = { entity, kind, grantId, from, to, order, after, limit: limit + 1 };
    const rows = await this.entries.page(of);
    return presentPage(rows, { limit, idOf: (row) => String(row.id), present: presentLedgerEntry });
  }

  @Route('GET /v1/admin/entities/:entity/ledger/:entry', {
    role: 'admin',
    scope: 'entity',
    summary: 'A ledger entry',
    answers: schemas.LedgerEntry,
  })
  async entry(
    @Param({ schema: schemas.LedgerEntryPath }) { entity, entry }: { entity: EntityName; entry: string },
  ) {
    const id = ENTRY_ID.test(entry) ? BigInt(entry) : null;
    return presentLedgerEntry(await this.entries.find({ entity, id }));
  }

  private change(
    call: ChangeCall,
    { entity, dryRun }: { entity: EntityName; dryRun: boolean },
    change: (tx: Tx) => Promise<GrantRow>,
  ) {
    return this.changes.make(
      call,
      [{ entity, project: null }],
      async (tx) => presentGrant(await change(tx), this.clock.now()),
      { dryRun },
    );
  }
}
