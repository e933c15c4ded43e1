/** A dead letter that several people deal with at once: what an answer says of it is what comes of it. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { insertDeadLetters } from '../../src/metering/dead-letters.sql.js';
import { anApp, type TestApp } from '../support/app.js';
import { anEventBody } from '../support/builders.js';
import { until } from '../support/until.js';
import { aTestQueue, type TestQueue } from '../support/usage-queue.js';

let app: TestApp;
let queue: TestQueue;
beforeAll(async () => {
  // Without a worker, so that what was sent stays where it can be counted.
  app = await anApp({ role: 'api' });
  queue = await aTestQueue(app.redis.url, { mayDie: true, nowMs: () => app.clock.now().getTime() });
});
afterAll(async () => {
  await queue.close();
  await app.close();
});
beforeEach(async () => {
  await queue.redis.flushdb();
  await app.postgres.pool.query('delete from dead_letters; delete from jobs');
});

/** Keeps a dead letter for each event, and returns their ids in the same order. */
async function bury(entity: string, eventIds: readonly string[]): Promise<string[]> {
  const rest = {
    code: 'invalid_event',
    message: 'for a test',
    jobId: null,
    entity,
    project: 'p',
    source: '/g',
  };
  for (const id of eventIds) {
    const payload = JSON.stringify(anEventBody({ subject: `${entity}/p`, id }));
    await insertDeadLetters(app.database.reader, [{ ...rest, payload, eventId: id }]);
  }
  const inOrder = 'select id from dead_letters where entity = $1 order by event_id';
  return (await app.postgres.pool.query(inOrder, [entity])).rows.map(({ id }) => id);
}
const sent = async (): Promise<{ id: string; subject: string }[]> =>
  (await queue.queue.getJobs(['waiting'])).flatMap(({ data }) => data);
const statusesOf = async (entity: string): Promise<string[]> => {
  const inOrder = 'select status from dead_letters where entity = $1 order by event_id';
  return (await app.postgres.pool.query(inOrder, [entity])).rows.map(({ status }) => status);
};

describe('a dead letter that is discarded or replayed while a replay of its filter waits for the queue’s Redis', () => {
  it('is not sent by it, and the replay says so', async () => {
    const [, second, , fourth] = await bury('torn', ['a', 'b', 'c', 'd']);
    await app.redis.kill();
    const job = (
      await app.call('POST /v1/admin/dead_letters/replay', { body: { entity: 'torn' }, waits: false })
    ).body;
    const chosen = `select from jobs where id = $1 and jsonb_array_length(state -> 'sending') = 4`;
    await until(
      'the job has chosen',
      async () => (await app.postgres.pool.query(chosen, [job.id])).rowCount === 1,
    );
    expect((await app.call(`POST /v1/admin/dead_letters/${second}/discard`)).body.status).toBe('discarded');
    // As another replay does, which had Redis.
    await app.postgres.pool.query(`update dead_letters set status = 'replayed' where id = $1`, [fourth]);
    await app.redis.restart();
    await until('it is done', async () => {
      return (await app.call(`GET /v1/admin/jobs/${job.id}`)).body.status === 'done';
    });
    await until('the test reads Redis again', async () => (await sent()).length >= 2);
    expect((await sent()).map(({ id }) => id).toSorted()).toEqual(['a', 'c']);
    expect(await statusesOf('torn')).toEqual(['replayed', 'discarded', 'replayed', 'replayed']);
    const audited = await app.call('GET /v1/admin/audit_log?entity=torn&action=dead_letters.replayed');
    expect(audited.body.data).toHaveLength(2);
    expect((await app.call(`GET /v1/admin/jobs/${job.id}`)).body.result.answered).toBe(2);
  });
});

describe('a dead letter that is replayed under one key by requests that differ, at once', () => {
  it('is sent as one of them says, and the others are refused', async () => {
    const [id] = await bury('mended', ['a']);
    const answers = await Promise.all(
      ['x/p', 'y/p', 'z/p'].map((subject) =>
        app.call(`POST /v1/admin/dead_letters/${id}/replay`, {
          body: { subject },
          headers: { 'idempotency-key': 'one' },
        }),
      ),
    );
    const done = answers.filter(({ status }) => status === 200);
    const refused = answers.filter(({ status }) => [409, 422].includes(status));
    expect([done.length, refused.length]).toEqual([1, 2]);
    const mended = await app.call('GET /v1/admin/audit_log?entity=mended&action=dead_letters.replayed');
    expect((await sent()).map(({ subject }) => subject)).toEqual(
      mended.body.data.map(({ after }: { after: { mended: { subject: string } } }) => after.mended.subject),
    );
  });
});
