/** Replaying and discarding dead letters is a change like any other: once under a key, tried out, audited; and a job where there are many. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { Worker } from 'bullmq';
import { DeadLetters } from '../../src/metering/dead-letters.js';
import type { Answer } from '../support/app.js';
import { aDeadLetterWorld, type DeadLetterWorld } from '../support/dead-letter-world.js';
import { until } from '../support/until.js';

let world: DeadLetterWorld;
beforeAll(async () => {
  world = await aDeadLetterWorld();
});
afterAll(() => world.close());
beforeEach(() => world.empty());

const statuses = async (entity: string): Promise<Record<string, number>> => {
  const { rows } = await world.app.postgres.pool.query(
    'select status, count(*)::int from dead_letters where entity = $1 group by 1',
    [entity],
  );
  return Object.fromEntries(rows.map(({ status, count }) => [status, count]));
};
/** The ids of the events on the world.queue. */
const sent = async () => (await world.sent()).map(({ id }) => id);
const audited = async (entity: string, action: string) => {
  const path = `GET /v1/admin/audit_log?entity=${entity}&action=${action}&limit=100`;
  return (await world.app.call(path)).body.data;
};
const change = (path: string, options: { body?: object; key?: string; dry?: boolean } = {}) =>
  world.app.call(`POST /v1/admin/dead_letters/${path}${options.dry ? '?dry_run=true' : ''}`, {
    body: options.body ?? {},
    headers: { 'x-request-id': 'req_of_a_test', ...(options.key && { 'idempotency-key': options.key }) },
    waits: false,
  });

describe('replaying a dead letter', () => {
  it('under one key is done once, however often and however many at once ask', async () => {
    const [id] = await world.bury('once', 1);
    const answers = await Promise.all([1, 2, 3].map(() => change(`${id}/replay`, { key: 'k1' })));
    const again = await change(`${id}/replay`, { key: 'k1' });
    const done = answers.filter(({ status }) => status === 200);
    expect(done.length).toBeGreaterThan(0);
    expect(answers.map(({ status }) => status).filter((status) => ![200, 409].includes(status))).toEqual([]);
    expect([again.status, again.body, again.headers.get('idempotent-replayed')]).toEqual([
      200,
      done[0]!.body,
      'true',
    ]);
    expect(again.body).toMatchObject({ status: 'replayed' });
    expect(await sent()).toEqual(['once0']);
    expect(await audited('once', 'dead_letters.replayed')).toHaveLength(1);
  });

  it('under a key of another request is refused, and nothing is sent', async () => {
    const [id] = await world.bury('other', 1);
    await change(`${id}/replay`, { key: 'k2' });
    const other = await change(`${id}/replay`, { key: 'k2', body: { model: 'another' } });
    expect([other.status, other.body.error.code]).toEqual([422, 'idempotency_key_reused']);
    expect(await sent()).toEqual(['other0']);
  });

  it('without a key is done each time', async () => {
    const [id] = await world.bury('twice', 1);
    for (const _ of [1, 2]) expect((await change(`${id}/replay`)).status).toBe(200);
    expect(await sent()).toEqual(['twice0', 'twice0']);
  });
});

describe('a change of a dead letter', () => {
  it.each([
    ['replay', { model: 'mended' }, { status: 'replayed', mended: { model: 'mended' } }],
    ['discard', {}, { status: 'discarded' }],
  ])('by %s is audited with request, role, address, before and after', async (what, body, after) => {
    const [id] = await world.bury(`audit-${what}`, 1);
    expect((await change(`${id}/${what}`, { body })).status).toBe(200);
    const [entry, ...more] = await audited(`audit-${what}`, 'dead_letters');
    expect(more).toEqual([]);
    expect(entry).toMatchObject({
      target: id,
      role: 'admin',
      request_id: expect.any(String),
      address: expect.stringMatching(/127\.0\.0\.1/),
      before: { status: 'open' },
      after,
    });
  });

  it('by a replay that gives it a subject stands in the audit log of the customer who is charged', async () => {
    await world.app.call('PUT /v1/admin/entities/payer', { body: { plan: 'pro' } });
    const [id] = await world.bury('', 1);
    expect((await change(`${id}/replay`, { body: { subject: 'payer/chat' } })).status).toBe(200);
    expect(await audited('payer', 'dead_letters.replayed')).toMatchObject([
      { target: id, entity: 'payer', after: { mended: { subject: 'payer/chat' } } },
    ]);
  });

  it.each(['replay', 'discard'])(
    'by %s that is tried out answers as it would, and does nothing',
    async (what) => {
      const entity = `dry-${what}`;
      await world.app.call(`PUT /v1/admin/entities/${entity}`, { body: { plan: 'pro' } });
      const [id] = await world.bury(entity, 3);
      const [one, all] = [
        await change(`${id}/${what}`, { dry: true, key: what }),
        await change(what, { dry: true, key: `all ${what}`, body: { entity, limit: 2 } }),
      ];
      const status = `${what}ed`;
      expect([one.status, one.body.status]).toEqual([200, status]);
      expect([all.status, all.body]).toMatchObject([
        200,
        { status, answered: 2, remaining: 1, dry_run: true },
      ]);
      expect([await sent(), await statuses(entity)]).toEqual([[], { open: 3 }]);
      expect(await audited(entity, 'dead_letters')).toEqual([]);
      expect((await world.app.call('GET /v1/admin/jobs')).body.data).toEqual([]);
    },
  );
});

describe('replaying all of a filter', () => {
  it('is one job, whose answer comes at once where it is quick, and whose batches are bounded', async () => {
    const ids = await world.bury('all', 1_700);
    await world.bury('others', 2);
    const { status, body } = await change('replay', { body: { entity: 'all' }, key: 'all' });
    expect([200, 202]).toContain(status);
    const jobs = async () =>
      (await world.app.call('GET /v1/admin/jobs?kind=dead_letter_resolution')).body.data;
    await until('it is done', async () => (await jobs())[0].status === 'done');
    const [job, ...more] = await jobs();
    expect([job.progress, job.entity, more]).toEqual([1, 'all', []]);
    const result = { object: 'dead_letter_batch', status: 'replayed', answered: 1_700, remaining: 0 };
    expect((await world.app.call(`GET /v1/admin/jobs/${job.id}`)).body.result).toMatchObject(result);
    expect(status === 200 ? body : result).toMatchObject(result);
    expect((await sent()).toSorted()).toEqual(ids.map((_, n) => `all${n}`).toSorted());
    const sizes = (await world.queue.queue.getJobs(['waiting'])).map(({ data }) => data.length);
    expect(sizes.toSorted((a, b) => b - a)).toEqual([500, 500, 500, 200]);
    expect([await statuses('all'), await statuses('others')]).toEqual([{ replayed: 1_700 }, { open: 2 }]);
    const entries = await audited('all', 'dead_letters');
    expect(entries[0]).toMatchObject({
      role: 'admin',
      request_id: expect.any(String),
      address: expect.any(String),
      before: { status: 'open' },
      after: { status: 'replayed', job: job.id },
    });
    const again = await change('replay', { body: { entity: 'all' }, key: 'all' });
    expect(again.headers.get('idempotent-replayed')).toBe('true');
    expect(await sent()).toHaveLength(1_700);
  });

  it('takes as many at a time as their bytes allow', async () => {
    await world.bury('large', 9, 'x'.repeat(1_000_000));
    await change('replay', { body: { entity: 'large' } });
    // A busy machine answers with the job before it is done.
    await until('all are replayed', async () => (await statuses('large'))['replayed'] === 9);
    const sizes = (await world.queue.queue.getJobs(['waiting'])).map(({ data }) => data.length);
    expect(sizes.toSorted((a, b) => a - b)).toEqual([1, 4, 4]);
  });

  /** As a worker that counts them: the jobs are done and gone. */
  const takeAll = async () => {
    const connection = world.queue.redis.duplicate();
    const worker = new Worker(world.queue.queue.name, async () => {}, { connection });
    await world.queue.drained();
    await worker.close();
    connection.disconnect();
  };
  const lastSeen = async (entity: string): Promise<string> => {
    const first = 'select id from dead_letters where entity = $1 order by last_seen_at desc, id desc limit 1';
    return (await world.app.postgres.pool.query(first, [entity])).rows[0].id;
  };
  /** Holds a dead letter, so that a job that has sent its events cannot mark it. */
  const hold = async (id: string) => {
    const client = await world.app.postgres.pool.connect();
    await client.query('begin');
    await client.query('select from dead_letters where id = $1 for update', [id]);
    return async () => {
      await client.query('rollback');
      client.release();
    };
  };

  it.each([true, false])(
    'whose process dies after it has sent a batch goes on in another, and sends nothing twice (events taken meanwhile: %s)',
    async (areTaken) => {
      const entity = `killed-${areTaken}`;
      await world.bury(entity, 1_200);
      const letGo = await hold(await lastSeen(entity));
      const answer: Answer = await change('replay', { body: { entity } });
      expect([answer.status, answer.body.status]).toEqual([202, 'running']);
      const before = await sent();
      expect(before.length).toBeGreaterThanOrEqual(500);
      const taken = new Set(areTaken ? before : []);
      if (areTaken) await takeAll();
      // As if the process had been gone for a minute: another runner takes it from here.
      await world.app.postgres.pool.query(
        `update jobs set seen_at = now() - interval '1 minute', runner = gen_random_uuid() where id = $1`,
        [answer.body.id],
      );
      await letGo();
      const job = async () => (await world.app.call(`GET /v1/admin/jobs/${answer.body.id}`)).body;
      await until('another has ended it', async () => (await job()).status === 'done');
      expect(await job()).toMatchObject({ attempts: 2, result: { answered: 1_200, remaining: 0 } });
      const all = [...taken, ...(await sent())];
      expect([all.length, new Set(all).size]).toEqual([1_200, 1_200]);
      expect(await statuses(entity)).toEqual({ replayed: 1_200 });
      const { rows } = await world.app.postgres.pool.query(
        `select count(*)::int, count(distinct target)::int as targets from audit_log where entity = $1 and action = 'dead_letters.replayed'`,
        [entity],
      );
      expect(rows).toEqual([{ count: 1_200, targets: 1_200 }]);
    },
  );

  it('waits for the queue’s Redis, and goes on', async () => {
    await world.bury('waits', 3);
    await world.app.redis.kill();
    const { status, body } = await change('replay', { body: { entity: 'waits' } });
    expect([status, body.status, await statuses('waits')]).toEqual([202, 'running', { open: 3 }]);
    await world.app.redis.restart();
    await until('it is done', async () => {
      return (await world.app.call(`GET /v1/admin/jobs/${body.id}`)).body.status === 'done';
    });
    await until('the test reads Redis again', async () => (await sent()).length === 3);
    expect(await statuses('waits')).toEqual({ replayed: 3 });
  });
});

describe('discarding all of a filter', () => {
  it('is a job too, and leaves alone what arrives meanwhile', async () => {
    const ids = await world.bury('discarded', 700);
    const letGo = await (async () => {
      const client = await world.app.postgres.pool.connect();
      await client.query('begin');
      await client.query(
        `update dead_letters set seen_count = seen_count + 1, last_seen_at = now() + interval '1 hour'
        where id = $1`,
        [ids[0]],
      );
      return async () => {
        await client.query('commit');
        client.release();
      };
    })();
    const { status, body } = await change('discard', { body: { entity: 'discarded' } });
    expect([status, body.object]).toEqual([202, 'job']);
    await letGo();
    await until(
      'it is done',
      async () => (await world.app.call(`GET /v1/admin/jobs/${body.id}`)).body.status === 'done',
    );
    expect(await statuses('discarded')).toEqual({ open: 1, discarded: 699 });
    expect(await sent()).toEqual([]);
  });
});

describe('dead letters as they were chosen', () => {
  it('are not marked when they have changed since', async () => {
    const [id] = await world.bury('changed', 1);
    const letters = new DeadLetters(world.app.database, null!, world.app.clock);
    const letter = await letters.get({ id: id!, entity: null });
    await world.bury('changed', 1);
    const resolution = { status: 'discarded', actor: 'key', mending: null } as const;
    const count = await world.app.database.transaction((tx) => letters.mark(tx, [letter], resolution));
    expect([count, await statuses('changed')]).toEqual([0, { open: 1 }]);
  });
});
