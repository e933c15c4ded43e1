/** Admins: check the books, and repair what is derived. */
import { Body, Controller, Query } from '@nestjs/common';
import { Call, Changes, type ChangeCall } from '../access/changes.js';
import { requireEntity } from '../access/principal.js';
import { Route } from '../http/route.js';
import * as schemas from './books.schema.js';
import { Reconciliation } from './reconciliation.js';
import { Repair, type RepairReport } from './repair.js';

@Controller()
export class BooksController {
  constructor(
    private readonly reconciliation: Reconciliation,
    private readonly repairs: Repair,
    private readonly changes: Changes,
  ) {}

  @Route('GET /v1/admin/reconciliation', {
    role: 'admin',
    allEntities: true,
    summary: 'Check the books against each other, now',
    answers: schemas.Reconciliation,
  })
  async reconcile() {
    return { object: 'reconciliation', ...(await this.reconciliation.run()) };
  }

  @Route('POST /v1/admin/reconciliation/repair', {
    role: 'admin',
    summary: "Rebuild an entity's sums from events, corrections and ledger; dry_run shows the change",
    answers: schemas.Repair,
    idempotent: true,
  })
  async repair(
    @Query({ schema: schemas.RepairQuery }) { dry_run: dryRun }: schemas.RepairQuery,
    @Body({ schema: schemas.RepairOrder }) { entity }: schemas.RepairOrder,
    @Call() call: ChangeCall,
  ) {
    const { keyId: actor } = call.principal;
    requireEntity(call.principal, entity);
    if (dryRun) return presentRepair(await this.repairs.preview(entity), { dryRun });
    return this.changes.make(call, [{ entity, project: null }], async (tx) =>
      presentRepair(await this.repairs.repair(tx, { entity, actor }), { dryRun }),
    );
  }
}

function presentRepair(repair: RepairReport, { dryRun }: { dryRun: boolean }): schemas.Repair {
  const { entity, changed, changes } = repair;
  return { object: 'repair', entity, dry_run: dryRun, changed, changes: [...changes] };
}
