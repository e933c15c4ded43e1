/** The books after a bench: every sum is what the events say, and the states in Redis are those of Postgres. */
import type { Redis } from 'ioredis';
import { Clock } from '../../src/platform/clock.js';
import { Database } from '../../src/platform/database.js';
import { RedisKeys } from '../../src/quota/redis-keys.js';
import { loadQuotaStates } from '../../src/quota/quota-state.sql.js';
import { readEntity } from '../../src/quota/state-encoding.js';
import type { EntityName } from '../../src/domain/ids.js';
import { bookkeepingOver } from '../support/services.js';
import { until } from '../support/until.js';
import { printTable } from './table.js';

/** What was published late, or could not be at once. */
const PUBLISHED_SECONDS_MAX = 30;
const ENTITIES_AT_ONCE = 500;

/** Throws where they do not agree. `redis` is left out for a database that has no states. */
export async function printBooks(
  name: string,
  { databaseUrl, redis }: { databaseUrl: string; redis?: Redis },
): Promise<void> {
  const database = new Database({ url: databaseUrl });
  const clock = new Clock();
  try {
    await clock.synchronize(database);
    const { ok, checks } = await bookkeepingOver({ database, clock }).reconciliation.run();
    const wrong = checks.filter((check) => !check.ok);
    const events = await database.reader.usageEvent.count();
    const states = redis === undefined ? null : await comparedStates({ database, clock, redis });
    printTable(`The books, ${name}`, [
      {
        events,
        checks: checks.length,
        differences: wrong.length,
        'states in Redis': states?.compared ?? '–',
        'unlike those of Postgres': states?.unlike.length ?? '–',
      },
    ]);
    if (!ok) throw new Error(`reconciliation: ${JSON.stringify(wrong)}`);
    if (states !== null && states.unlike.length > 0)
      throw new Error(`states unlike those of Postgres: ${states.unlike.slice(0, 10).join(', ')}`);
  } finally {
    await database.close();
  }
}

type Sources = { readonly database: Database; readonly clock: Clock; readonly redis: Redis };

async function comparedStates(of: Sources): Promise<{ compared: number; unlike: string[] }> {
  let result = await compare(of);
  const areAlike = async () => {
    result = await compare(of);
    return result.unlike.length === 0;
  };
  await until('all states are published', areAlike, PUBLISHED_SECONDS_MAX).catch(() => {});
  return result;
}

async function compare({ database, clock, redis }: Sources): Promise<{ compared: number; unlike: string[] }> {
  const inRedis = await statesIn(redis);
  const entities = [...inRedis.keys()];
  const unlike: string[] = [];
  for (let at = 0; at < entities.length; at += ENTITIES_AT_ONCE) {
    const subjects = entities.slice(at, at + ENTITIES_AT_ONCE).map((entity) => ({ entity, project: null }));
    for (const state of await loadQuotaStates(database.reader, { subjects, at: clock.now() })) {
      const { entity: published, version } = readEntity(inRedis.get(state.entity)!);
      const isAlike =
        version === state.version &&
        Object.entries(published).every(([field, value]) => state[field as keyof typeof state] === value);
      if (!isAlike) unlike.push(state.entity);
    }
  }
  return { compared: entities.length, unlike };
}

/** What each state says, by entity. */
async function statesIn(redis: Redis): Promise<Map<EntityName, string>> {
  const found = new Map<EntityName, string>();
  for (let cursor = '0', more = true; more; more = cursor !== '0') {
    const [next, keys] = await redis.scan(cursor, 'MATCH', 'tally:{*}:state', 'COUNT', 1_000);
    cursor = next;
    const facts = await Promise.all(keys.map((key) => redis.hget(key, 'facts')));
    for (const [index, key] of keys.entries()) {
      const entity = new RedisKeys().entityOfState(key);
      if (entity !== null && facts[index] != null) found.set(entity, facts[index]);
    }
  }
  return found;
}
