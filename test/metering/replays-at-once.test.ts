/** A dead letter that several people deal with at once: what an answer says of it is what comes of it. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { aDeadLetterWorld, type DeadLetterWorld } from '../support/dead-letter-world.js';
import { until } from '../support/until.js';

let world: DeadLetterWorld;
beforeAll(async () => {
  world = await aDeadLetterWorld();
});
afterAll(() => world.close());
beforeEach(() => world.empty());

const statusesOf = async (entity: string): Promise<string[]> => {
  const inOrder = 'select status from dead_letters where entity = $1 order by event_id';
  return (await world.app.postgres.pool.query(inOrder, [entity])).rows.map(({ status }) => status);
};

describe('a dead letter that is discarded or replayed while a replay of its filter waits for the queue’s Redis', () => {
  it('is not sent by it, and the replay says so', async () => {
    const [, second, , fourth] = await world.bury('torn', 4);
    await world.app.redis.kill();
    const job = (
      await world.app.call('POST /v1/admin/dead_letters/replay', { body: { entity: 'torn' }, waits: false })
    ).body;
    const chosen = `select from jobs where id = $1 and jsonb_array_length(state -> 'sending') = 4`;
    await until(
      'the job has chosen',
      async () => (await world.app.postgres.pool.query(chosen, [job.id])).rowCount === 1,
    );
    expect((await world.app.call(`POST /v1/admin/dead_letters/${second}/discard`)).body.status).toBe(
      'discarded',
    );
    // As another replay does, which had Redis.
    await world.app.postgres.pool.query(`update dead_letters set status = 'replayed' where id = $1`, [
      fourth,
    ]);
    await world.app.redis.restart();
    await until('it is done', async () => {
      return (await world.app.call(`GET /v1/admin/jobs/${job.id}`)).body.status === 'done';
    });
    await until('the test reads Redis again', async () => (await world.sent()).length >= 2);
    expect((await world.sent()).map(({ id }) => id).toSorted()).toEqual(['torn0', 'torn2']);
    expect(await statusesOf('torn')).toEqual(['replayed', 'discarded', 'replayed', 'replayed']);
    const audited = await world.app.call('GET /v1/admin/audit_log?entity=torn&action=dead_letters.replayed');
    expect(audited.body.data).toHaveLength(2);
    expect((await world.app.call(`GET /v1/admin/jobs/${job.id}`)).body.result.answered).toBe(2);
  });
});

describe('a dead letter that is replayed under one key by requests that differ, at once', () => {
  it('is sent as one of them says, and the others are refused', async () => {
    const [id] = await world.bury('mended', 1);
    const answers = await Promise.all(
      ['x/p', 'y/p', 'z/p'].map((subject) =>
        world.app.call(`POST /v1/admin/dead_letters/${id}/replay`, {
          body: { subject },
          headers: { 'idempotency-key': 'one' },
        }),
      ),
    );
    const done = answers.filter(({ status }) => status === 200);
    const refused = answers.filter(({ status }) => [409, 422].includes(status));
    expect([done.length, refused.length]).toEqual([1, 2]);
    const mended = await world.app.call('GET /v1/admin/audit_log?entity=mended&action=dead_letters.replayed');
    expect((await world.sent()).map(({ subject }) => subject)).toEqual(
      mended.body.data.map(({ after }: { after: { mended: { subject: string } } }) => after.mended.subject),
    );
  });
});
