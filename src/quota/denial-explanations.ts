/**
 * Why a request was denied, kept for a day under the id of its denial. The denial does not wait until it is kept. An explanation
 * is missing where Redis was unavailable, or where the entity was denied more often than anybody would read.
 */
import { decisionIdOf, entityOfDecision, minuteOfDecision } from '../domain/ids.js';
import type { EntityName } from '../domain/ids.js';
import type { Clock } from '../platform/clock.js';
import { isUnavailable } from '../platform/unavailable.js';
import type { DecisionSource, Denied, DeniedDecision } from './decision.js';
import { DenialLog, type DeniedHour } from './denial-log.js';
import { ScriptKeys } from './lua-script.js';
import { KEEP_DENIAL } from './quota-scripts.js';
import type { RedisBreakers } from './redis-breakers.js';
import type { RedisKeys } from './redis-keys.js';

/** Denials that are kept of one entity in one minute: at 600 bytes each, at most 26 MB a day. */
const KEPT_PER_MINUTE_MAX = 30;
const KEPT_SECONDS = 86_400;
const MINUTE_MS = 60_000;

export class DenialExplanations {
  /** How many this process has kept in the current minute: beyond the bound it does not even ask Redis. */
  private readonly counts = new Map<EntityName, number>();
  private minute = 0;
  private readonly log: DenialLog;

  constructor(
    private readonly redis: RedisBreakers,
    private readonly keys: RedisKeys,
    private readonly clock: Clock,
  ) {
    this.log = new DenialLog(redis, keys);
  }

  /** The denial as it is answered; its record is being written. */
  keep(decision: Omit<DeniedDecision, 'id' | 'at'>, source: DecisionSource): Denied {
    const at = this.clock.now();
    const minute = Math.floor(at.getTime() / MINUTE_MS);
    const { entity } = decision.asked.subject;
    const id = decisionIdOf(entity, minute);
    const isKept = this.isWithinBound(entity, minute);
    if (isKept) void this.write({ ...decision, id, at }).catch(ignoreOutage);
    const { denial, degraded } = decision;
    this.log.add(entity, { atMs: at.getTime(), limit: denial.limit, id: isKept ? id : null });
    return { allowed: false, degraded, source, decisionId: id, isKept, denial };
  }

  /** The newest that are kept, newest first, and how many there were by hour and limit. Throws Unavailable. */
  async newest(entity: EntityName): Promise<{ denials: DeniedDecision[]; hours: DeniedHour[] }> {
    const { ids, hours } = await this.log.read(entity, this.clock.now());
    const found = await Promise.all(ids.map((id) => this.find(id)));
    return { denials: found.filter((denial) => denial !== null), hours };
  }

  /** By entity and limit. Throws Unavailable. */
  countLastDay(entities: readonly EntityName[]): Promise<Map<EntityName, Map<string, number>>> {
    return this.log.countLastDay(entities, this.clock.now());
  }

  /** Null where it was not kept, or longer than a day ago. Throws Unavailable. */
  async find(id: string): Promise<DeniedDecision | null> {
    const [entity, minute] = [entityOfDecision(id), minuteOfDecision(id)];
    if (entity === null || minute === null) return null;
    const key = this.keyOf(entity, minute);
    const text = await this.redis.at(key).ask((connection) => connection.hget(key.names[0]!, id));
    return text === null ? null : readDecision(text);
  }

  /** What is not written yet. */
  forget(entity: EntityName): void {
    this.counts.delete(entity);
    this.log.forget(entity);
  }

  private isWithinBound(entity: EntityName, minute: number): boolean {
    if (minute !== this.minute) this.counts.clear();
    this.minute = minute;
    const count = (this.counts.get(entity) ?? 0) + 1;
    this.counts.set(entity, count);
    return count <= KEPT_PER_MINUTE_MAX;
  }

  /** One hash per minute, so that its denials expire together, in the same cluster slot as the entity's other keys. */
  private keyOf(entity: EntityName, minute: string): ScriptKeys {
    return new ScriptKeys([this.keys.denialsOf(entity, minute)]);
  }

  private async write(decision: DeniedDecision): Promise<void> {
    const { id } = decision;
    await KEEP_DENIAL.run(this.redis, this.keyOf(decision.asked.subject.entity, minuteOfDecision(id) ?? ''), {
      decision_id: id,
      record: writeDecision(decision),
      count_max: KEPT_PER_MINUTE_MAX,
      ttl_seconds: KEPT_SECONDS,
    });
  }
}

function ignoreOutage(error: unknown): void {
  if (!isUnavailable(error, 'redis')) throw error;
}

function writeDecision(decision: DeniedDecision): string {
  return JSON.stringify(decision, (_, value: unknown) => (typeof value === 'bigint' ? String(value) : value));
}

/** Amounts and the version are bigints, which JSON does not have; every `at` is a time. */
function readDecision(text: string): DeniedDecision {
  return JSON.parse(text, (key, value: unknown) => {
    if (typeof value !== 'string') return value;
    if (key === 'at') return new Date(value);
    return key === 'version' || key.endsWith('Picos') ? BigInt(value) : value;
  }) as DeniedDecision;
}
