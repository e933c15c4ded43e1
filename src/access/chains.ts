/** Tamper evidence: the heads of the chains of ledger and audit entries are logged, and a logged head shows later whether the past still stands. */
import { Injectable } from '@nestjs/common';
import { Database, type Tx } from '../platform/database.js';
import { Logger } from '../platform/logger.js';
import {
  CHAINED_LOGS,
  findChainsBetween,
  findHash,
  findHead,
  pruneAuditChain,
  takeHeads,
  walkChains,
  type ChainBreaks,
  type ChainedLog,
  type ChainHead,
} from './chains.sql.js';

/** Heads in one line of the log. */
const LINE_HEADS = 50;
const PAGE_ROWS = 1_000;

/** A head as it is logged and given back: `log:entity:id:hash`. */
export type HeadText = {
  readonly log: ChainedLog;
  readonly entity: string;
  readonly id: bigint;
  readonly hash: string;
};

export function headText({ log, entity, lastId, hash }: ChainHead): string {
  return [log, entity, lastId, hash].join(':');
}

export const HEAD_TEXT = new RegExp(
  `^(${CHAINED_LOGS.join('|')}):([A-Za-z0-9._-]{0,128}):([0-9]{1,18}):([0-9a-f]{64})$`,
);

/** Null where the text is no head. */
export function parseHeadText(text: string): HeadText | null {
  const [, log, entity, id, hash] = HEAD_TEXT.exec(text.trim()) ?? [];
  if (log === undefined || entity === undefined || id === undefined || hash === undefined) return null;
  return { log: log as ChainedLog, entity, id: BigInt(id), hash };
}

/** What became of the entry that a head named. */
export type HeadVerdict = 'stands' | 'pruned' | 'changed' | 'missing' | 'broken';

@Injectable()
export class Chains {
  constructor(
    private readonly database: Database,
    private readonly logger: Logger,
  ) {}

  /**
   * Logs the heads that have changed since they were logged last, and returns how many. A head that was logged twice, because the process
   * ended before the commit, says the same twice.
   */
  async logHeads(signal?: AbortSignal): Promise<number> {
    // Where lines of this level are not written, heads are not taken for logged.
    if (!this.logger.writes('info')) return 0;
    for (let logged = 0; ;) {
      const count = await this.database.transaction(async (tx) => {
        const heads = await takeHeads(tx, { limit: LINE_HEADS });
        if (heads.length > 0) this.logger.info('heads of the chains', { heads: heads.map(headText) });
        return heads.length;
      });
      logged += count;
      if (count < LINE_HEADS || signal?.aborted === true) return logged;
    }
  }

  /**
   * Prunes the oldest entries of one chain of the audit log ('': of what concerns no entity) and returns how many. Entries of the last 30
   * days stay in any case.
   */
  async pruneAudit(of: { entity: string; before: Date }, signal?: AbortSignal): Promise<number> {
    for (let pruned = 0; ;) {
      const count = await pruneAuditChain(this.database.reader, { ...of, limit: PAGE_ROWS });
      pruned += count;
      if (count < PAGE_ROWS || signal?.aborted === true) return pruned;
    }
  }
}

/** Whether the entry that a logged head names, and all before it, are as they were. Walks the whole chain. */
export async function verifyHead(tx: Tx, { log, entity, id, hash }: HeadText): Promise<HeadVerdict> {
  const head = await findHead(tx, { log, entity });
  if (head === null) return 'missing';
  if (id < head.prunedId) return 'pruned';
  const found = id === head.prunedId ? head.prunedHash : await findHash(tx, { log, entity, id });
  if (found === null) return 'missing';
  if (found !== hash) return 'changed';
  const { differences } = await walkChains(tx, { log, entities: [entity], differencesMax: 1 });
  return differences.length === 0 ? 'stands' : 'broken';
}

const CHECKS: Readonly<Record<ChainedLog, string>> = {
  audit_log: 'audit entries follow one another as they were written',
  ledger_entries: 'ledger entries follow one another as they were written',
};

/** For reconciliation: how the chains of entities in these buckets hold, by log. */
export async function checkChains(
  tx: Tx,
  of: { buckets: { from: string; to: string }; differencesMax: number },
): Promise<(ChainBreaks & { name: string })[]> {
  const checks = [];
  for (const log of CHAINED_LOGS) {
    const entities = await findChainsBetween(tx, { log, buckets: of.buckets });
    const breaks = await walkChains(tx, { log, entities, differencesMax: of.differencesMax });
    checks.push({ name: CHECKS[log], ...breaks });
  }
  return checks;
}

/** For repair: the first entry of an entity's ledger that does not follow the one before it, or null. */
export async function findLedgerBreak(tx: Tx, entity: string): Promise<string | null> {
  const { differences } = await walkChains(tx, {
    log: 'ledger_entries',
    entities: [entity],
    differencesMax: 1,
  });
  const [first] = differences;
  return first === undefined ? null : String((first['key'] as Record<string, unknown>)['entry']);
}
