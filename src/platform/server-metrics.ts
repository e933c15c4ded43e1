/** Whether Postgres and Redis answer this process, and which schema the database has, asked when Prometheus does. */
import { observeAsked } from './asked-gauges.js';
import type { Database } from './database.js';
import { Deadlines } from './deadline.js';
import { OWN, SHARED, type Metrics } from './metrics.js';
import { findNewestMigration } from './ping.sql.js';
import type { RedisConnections } from './redis-connections.js';
import { WriteProbe } from './redis-probes.js';

const ANSWER_MS_MAX = 1_500;
/** A schema changes with a release. */
const SCHEMA_KEPT_MS = 60_000;

export function observeServers(
  metrics: Metrics,
  { database, redis }: { database: Database; redis: Pick<RedisConnections, 'quota' | 'producer'> },
): void {
  const deadlines = new Deadlines();
  const up = (
    name: string,
    { server, does }: { server: string; does: string },
    ask: () => Promise<unknown>,
  ) =>
    observeAsked(metrics, {
      of: server,
      ask: () =>
        deadlines.within(ANSWER_MS_MAX, ask()).then(
          () => 1,
          () => 0,
        ),
      gauges: [
        {
          name,
          help: `1 where ${server} ${does}, 0 where not. Use min. ${OWN}`,
          samples: (value) => [{ value }],
        },
      ],
    });
  up('tally_postgres_up', { server: 'postgres', does: 'answers this process and takes writes' }, () =>
    database.ping(),
  );
  // Every node of a Cluster, and the queue's Redis where it is another one.
  const probes = [new WriteProbe(redis.quota, 'quota')];
  if (redis.producer !== redis.quota) probes.push(new WriteProbe(redis.producer, 'queue'));
  up('tally_redis_up', { server: 'redis', does: 'answers this process and takes writes' }, async () => {
    const asked = probes.flatMap((probe) => probe.ask());
    if (asked.length === 0) throw new Error('no node is known');
    await Promise.all(asked);
  });
  observeAsked(metrics, {
    of: 'schema',
    keptMs: SCHEMA_KEPT_MS,
    ask: () => findNewestMigration(database.reader),
    gauges: [
      {
        name: 'tally_schema_info',
        help: `Always 1: the newest migration that the database has. ${SHARED}`,
        labelNames: ['migration'],
        samples: (migration) => (migration === null ? [] : [{ labels: { migration }, value: 1 }]),
      },
    ],
  });
}
