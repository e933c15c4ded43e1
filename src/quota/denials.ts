/**
 * Why a request was denied, kept for a day under the id that its denial carries. A denial does not wait for it: what cannot be
 * kept, because Redis is away or an entity is denied more often than anybody would read, is missing and changes nothing.
 */
import { decisionIdOf, entityOfDecision, minuteOfDecision } from '../domain/ids.js';
import type { EntityName } from '../domain/ids.js';
import type { Clock } from '../platform/clock.js';
import type { Denied, DeniedDecision } from './decision.js';
import { LuaScript, ScriptKeys } from './lua-script.js';
import { RedisAway, type RedisGate } from './redis-gate.js';

const KEEP = new LuaScript('keep-denial');

/** Denials of one entity in one minute that are kept: at 600 bytes each, at most 26 MB a day for one that never stops. */
const KEPT_A_MINUTE_MAX = 30;
const KEPT_SECONDS = 86_400;
const MINUTE_MS = 60_000;

export class Denials {
  /** How many this process has kept in the running minute: what is beyond the bound does not even ask Redis. */
  private readonly counts = new Map<EntityName, number>();
  private minute = 0;

  constructor(
    private readonly gate: RedisGate,
    private readonly clock: Clock,
  ) {}

  /** The denial as it is answered; the record of it is under way. */
  keep(decision: Omit<DeniedDecision, 'id' | 'at'>): Denied {
    const at = this.clock.now();
    const minute = Math.floor(at.getTime() / MINUTE_MS);
    const { entity } = decision.asked.subject;
    const id = decisionIdOf(entity, minute);
    const isKept = this.isWithinBound(entity, minute);
    if (isKept) void this.write({ ...decision, id, at }).catch(ignoreOutage);
    const { denial, degraded } = decision;
    return { allowed: false, degraded, decisionId: id, isKept, denial };
  }

  /** Null where it was never kept, or longer than a day ago. Throws RedisAway. */
  async find(id: string): Promise<DeniedDecision | null> {
    const text = await this.gate.ask((redis) => redis.hget(keyOf(id), id));
    return text === null ? null : readDecision(text);
  }

  private isWithinBound(entity: EntityName, minute: number): boolean {
    if (minute !== this.minute) this.counts.clear();
    this.minute = minute;
    const count = (this.counts.get(entity) ?? 0) + 1;
    this.counts.set(entity, count);
    return count <= KEPT_A_MINUTE_MAX;
  }

  private async write(decision: DeniedDecision): Promise<void> {
    const { id } = decision;
    await KEEP.run(this.gate, new ScriptKeys([keyOf(id)]), [
      id,
      writeDecision(decision),
      KEPT_A_MINUTE_MAX,
      KEPT_SECONDS,
    ]);
  }
}

function ignoreOutage(error: unknown): void {
  if (!(error instanceof RedisAway)) throw error;
}

/** One hash a minute, so that one expiry serves all that is in it; in the slot of the entity's other keys. */
function keyOf(id: string): string {
  return `tally:{${entityOfDecision(id)}}:denials:${minuteOfDecision(id)}`;
}

function writeDecision(decision: DeniedDecision): string {
  return JSON.stringify(decision, (_, value: unknown) => (typeof value === 'bigint' ? String(value) : value));
}

/** Amounts and the version are bigints, which JSON does not know; `at` is a time wherever it stands. */
function readDecision(text: string): DeniedDecision {
  return JSON.parse(text, (key, value: unknown) => {
    if (typeof value !== 'string') return value;
    if (key === 'at') return new Date(value);
    return key === 'version' || key.endsWith('Picos') ? BigInt(value) : value;
  }) as DeniedDecision;
}
