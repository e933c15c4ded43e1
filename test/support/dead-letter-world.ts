/** Dead letters, and a queue without a worker, so that what is replayed stays where it can be counted. */
import { insertDeadLetters } from '../../src/metering/dead-letters.sql.js';
import { anApp, type TestApp } from './app.js';
import { anEventBody } from './builders.js';
import { aTestQueue, type TestQueue } from './usage-queue.js';

const INSERTED_AT_ONCE = 1_000;

export type DeadLetterWorld = {
  readonly app: TestApp;
  readonly queue: TestQueue;
  /** Keeps dead letters of the events `acme0`, `acme1`, … of the entity `acme`, and returns their ids in the order of the events' ids. */
  bury(entity: string, count: number, padding?: string): Promise<string[]>;
  /** The events on the queue. */
  sent(): Promise<{ id: string; subject: string }[]>;
  /** As if nothing had ever been buried or replayed. */
  empty(): Promise<void>;
  close(): Promise<void>;
};

export async function aDeadLetterWorld(): Promise<DeadLetterWorld> {
  const app = await anApp({ role: 'api' });
  const queue = await aTestQueue(app.redis.url, { mayDie: false, nowMs: () => app.clock.now().getTime() });
  return {
    app,
    queue,
    async bury(entity, count, padding = '') {
      const letters = Array.from({ length: count }, (_, n) => letterOf(entity, `${entity}${n}`, padding));
      for (let from = 0; from < count; from += INSERTED_AT_ONCE)
        await insertDeadLetters(app.database.reader, letters.slice(from, from + INSERTED_AT_ONCE));
      const inOrder = 'select id from dead_letters where entity = $1 order by event_id';
      return (await app.postgres.pool.query(inOrder, [entity])).rows.map(({ id }) => id);
    },
    async sent() {
      return (await queue.queue.getJobs(['waiting'])).flatMap(({ data }) => data);
    },
    async empty() {
      await queue.redis.flushdb();
      await app.postgres.pool.query('delete from dead_letters; delete from jobs');
    },
    async close() {
      await queue.close();
      await app.close();
    },
  };
}

function letterOf(entity: string, id: string, padding: string) {
  return {
    code: 'invalid_event',
    message: 'for a test',
    payload: JSON.stringify(anEventBody({ subject: `${entity}/p`, id, padding })),
    jobId: null,
    entity,
    project: 'p',
    source: '/g',
    eventId: id,
  };
}
