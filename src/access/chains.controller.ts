/** Admins: where the chains of ledger and audit entries end, and whether a head from before still stands. */
import { Controller, Query } from '@nestjs/common';
import { TallyError } from '../domain/errors.js';
import { LIMIT_DEFAULT } from '../http/fields.js';
import { cursorRow, presentPage } from '../http/list-page.js';
import { Route } from '../http/route.js';
import { ReportsDatabase } from '../platform/reports-database.js';
import { headText, verifyHead } from './chains.js';
import * as schemas from './chains.schema.js';
import { CHAINED_LOGS, findHead, findHeads, type ChainedLog, type ChainHead } from './chains.sql.js';
import { requireKnownWhereEmpty } from './known-entities.js';

/** A chain of millions of entries is walked. */
const WALK_MS_MAX = 600_000;

@Controller()
export class ChainsController {
  constructor(private readonly database: ReportsDatabase) {}

  @Route('GET /v1/admin/chains', {
    scope: 'all',
    role: 'admin',
    summary: 'List the heads of the chains of ledger and audit entries, or verify one from before',
    answers: schemas.Chains,
  })
  async chains(@Query({ schema: schemas.ChainsQuery }) query: schemas.ChainsQuery) {
    const { head, order, ...list } = query;
    const { entity = null, log = null, limit = LIMIT_DEFAULT, after = null } = list;
    if (head !== undefined) {
      if (Object.keys(list).length > 0 || order !== 'asc')
        throw new TallyError('invalid_request', 'head must stand alone', { param: 'head' });
      const verdict = await this.database.readLong((tx) => verifyHead(tx, head), { timeoutMs: WALK_MS_MAX });
      return { object: 'chain_verification', head: head.text, ok: verdict === 'stands', verdict };
    }
    const rows = await this.database.read(async (tx) => {
      const last = await cursorRow(after, async (id) => {
        const chain = parseChainId(id);
        const isAsked = (log ?? chain?.log) === chain?.log && (entity ?? chain?.entity) === chain?.entity;
        return chain !== null && isAsked ? findHead(tx, chain) : null;
      });
      const found = await findHeads(tx, { entity, log, order, after: last, limit: limit + 1 });
      await requireKnownWhereEmpty(tx, { entity, found });
      return found;
    });
    return presentPage(rows, { limit, idOf: chainId, present: presentChain });
  }
}

function presentChain(head: ChainHead): schemas.Chain {
  return {
    object: 'chain',
    id: chainId(head),
    log: head.log,
    entity: head.entity === '' ? null : head.entity,
    entries: Number(head.entries),
    pruned: Number(head.prunedEntries),
    last_id: String(head.lastId),
    hash: head.hash,
    head: headText(head),
  };
}

function chainId({ log, entity }: Pick<ChainHead, 'log' | 'entity'>): string {
  return `${log}:${entity}`;
}

/** Null where the text is the id of no chain. */
function parseChainId(text: string): { log: ChainedLog; entity: string } | null {
  const log = CHAINED_LOGS.find((each) => text.startsWith(`${each}:`));
  return log === undefined ? null : { log, entity: text.slice(log.length + 1) };
}
