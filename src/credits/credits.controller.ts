/** Admins: prepaid credits and the ledger behind them. */
import { Body, Controller, Param, Query } from '@nestjs/common';
import { Clock } from '../platform/clock.js';
import { Grants, type GrantRow } from './grants.js';
import { Ledger } from './ledger.js';
import type { EntityName } from '../domain/ids.js';
import { Call, Changes, type ChangeCall } from '../access/changes.js';
import { presentGrant, presentLedgerEntry } from './credits.presenter.js';
import { presentAll, presentPage } from '../http/list-page.js';
import { Route } from '../http/route.js';
import * as schemas from './credits.schema.js';
import { EntityPath } from '../accounts/entities.schema.js';

@Controller()
export class CreditsController {
  constructor(
    private readonly grants: Grants,
    private readonly entries: Ledger,
    private readonly changes: Changes,
    private readonly clock: Clock,
  ) {}

  @Route('POST /v1/admin/entities/:entity/credits', {
    scope: 'entity',
    role: 'admin',
    summary: 'Grant credits',
    answers: schemas.CreditGrant,
    status: 201,
    idempotent: true,
  })
  async grant(
    @Param({ schema: EntityPath }) { entity }: { entity: EntityName },
    @Body({ schema: schemas.GrantOrder }) body: schemas.GrantOrder,
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
    return this.changes.make(call, [{ entity, project: null }], async (tx) =>
      presentGrant(await this.grants.grant(tx, order), this.clock.now()),
    );
  }

  @Route('GET /v1/admin/entities/:entity/credits', {
    scope: 'entity',
    role: 'admin',
    summary: 'List grants with what is left of them, newest first',
    answers: schemas.CreditGrantList,
  })
  async list(@Param({ schema: EntityPath }) { entity }: { entity: EntityName }) {
    const at = this.clock.now();
    const present = (row: GrantRow) => presentGrant(row, at);
    return presentAll(await this.grants.list({ entity }), { idOf: (row) => row.id, present });
  }

  @Route('POST /v1/admin/entities/:entity/credits/:grant/void', {
    scope: 'entity',
    role: 'admin',
    summary: 'Void what is left of a grant',
    answers: schemas.CreditGrant,
    idempotent: true,
  })
  async void(
    @Param({ schema: schemas.GrantPath }) { entity, grant }: { entity: EntityName; grant: string },
    @Body({ schema: schemas.VoidOrder }) { reason }: schemas.VoidOrder,
    @Call() call: ChangeCall,
  ) {
    const order = { entity, grantId: grant, reason, actor: call.principal.keyId };
    return this.changes.make(call, [{ entity, project: null }], async (tx) =>
      presentGrant(await this.grants.void(tx, order), this.clock.now()),
    );
  }

  @Route('GET /v1/admin/entities/:entity/ledger', {
    scope: 'entity',
    role: 'admin',
    summary: 'List ledger entries, newest first',
    answers: schemas.LedgerEntryList,
  })
  async ledger(
    @Param({ schema: EntityPath }) { entity }: { entity: EntityName },
    @Query({ schema: schemas.LedgerPage }) page: schemas.LedgerPage,
  ) {
    const { limit, after = null } = page;
    const rows = await this.entries.page({ entity, before: after, limit: limit + 1 });
    return presentPage(rows, { limit, idOf: (row) => String(row.id), present: presentLedgerEntry });
  }
}
