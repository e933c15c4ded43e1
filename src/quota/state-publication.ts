/** Publishes states: many entities in one script, each of them by itself. */
import type { EntityName } from '../domain/ids.js';
import type { QuotaState } from '../domain/quota-limits.js';
import { Unavailable } from '../platform/unavailable.js';
import { ScriptKeys } from './lua-script.js';
import { PUBLISH_STATES } from './quota-scripts.js';
import type { RedisBreakers } from './redis-breakers.js';
import type { RedisKeys } from './redis-keys.js';
import { projectsWithKeys, publicationList, type Fence } from './state-encoding.js';

/** A script that publishes so many takes less than a millisecond, in which no decision runs. */
const ENTITIES_PER_SCRIPT = 20;
/** A script that has so many holds to end takes no further entity. */
const ENDED_PER_SCRIPT = 200;

export type Part = Fence & { readonly state: QuotaState };

/** Some states are not stored, whatever became of the others. */
export class NotPublished extends Unavailable {
  constructor(
    readonly entities: ReadonlySet<EntityName>,
    cause: unknown,
  ) {
    super('redis', cause);
  }
}

type Where = { readonly redis: RedisBreakers; readonly keys: RedisKeys };
type Outcome = { readonly later: Map<EntityName, bigint>; readonly failed: Map<EntityName, unknown> };

/** Returns, by entity, the later version that was in the way. */
export async function publishStates(
  where: Where,
  parts: readonly Part[],
  now_ms: string,
): Promise<Map<EntityName, bigint>> {
  const outcome: Outcome = { later: new Map(), failed: new Map() };
  // Sent one after another without waiting, so that those for one server travel together.
  const groups = where.redis.isCluster ? parts.map((part) => [part]) : groupsOf(parts);
  await Promise.all(groups.map((group) => publishGroup(where, group, { now_ms, outcome })));
  const { later, failed } = outcome;
  const [error] = failed.values();
  // What was found later is not replaced either, because nobody learns of it.
  if (failed.size > 0) throw new NotPublished(new Set([...failed.keys(), ...later.keys()]), error);
  return later;
}

/** Which entities share a script. On a Cluster none do: their keys lie in different slots, and a script's keys in one. */
function groupsOf(parts: readonly Part[]): Part[][] {
  const groups: Part[][] = [];
  let endedCount = Infinity;
  for (const part of parts) {
    const group = groups.at(-1);
    if (group === undefined || group.length === ENTITIES_PER_SCRIPT || endedCount >= ENDED_PER_SCRIPT) {
      groups.push([part]);
      endedCount = 0;
    } else group.push(part);
    endedCount += part.ended.length;
  }
  return groups;
}

async function publishGroup(
  { redis, keys }: Where,
  group: readonly Part[],
  { now_ms, outcome: { later, failed } }: { now_ms: string; outcome: Outcome },
): Promise<void> {
  const names: string[] = [];
  const list: string[] = [];
  for (const part of group) {
    const { state } = part;
    names.push(...keys.ofPublication(state.entity, projectsWithKeys(state)));
    list.push(...publicationList(state, part));
  }
  try {
    const named = { now_ms, entity_count: group.length };
    const replies = (await PUBLISH_STATES.run(redis, new ScriptKeys(names), named, list)) as string[];
    for (const [index, { state }] of group.entries()) {
      const reply = replies[index] ?? '';
      if (/^\d+$/.test(reply)) later.set(state.entity, BigInt(reply));
      else if (reply !== '') failed.set(state.entity, new Error(reply));
    }
  } catch (error) {
    for (const { state } of group) failed.set(state.entity, error);
  }
}
