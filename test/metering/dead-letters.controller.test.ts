import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { anApp, type TestApp } from '../support/app.js';
import { anEventBody } from '../support/builders.js';
import { until } from '../support/until.js';
import { insertDeadLetters } from '../../src/metering/dead-letters.sql.js';

type Letter = { id: string; entity: string; status: string };

describe('dead letters', () => {
  let app: TestApp;
  beforeAll(async () => {
    app = await anApp({ role: 'all' });
  });
  afterAll(() => app.close());

  const bury = (entity: string, payload: unknown): Promise<void> =>
    insertDeadLetters(app.database.reader, [
      {
        code: 'invalid_event',
        message: `for a test of ${entity}`,
        payload: JSON.stringify(payload),
        jobId: null,
        entity,
        project: null,
        source: '/gateways/test',
        eventId: 'e1',
      },
    ]);
  const letters = async (query: string, key = app.adminKey): Promise<Letter[]> =>
    (await app.call(`GET /v1/admin/dead_letters${query}`, { key })).body.data;

  it('a dead letter shows what arrived and why it was refused', async () => {
    await bury('shown', { specversion: '0.3' });
    const { body } = await app.call('GET /v1/admin/dead_letters?entity=shown&status=open');
    expect(body).toMatchObject({
      object: 'list',
      data: [
        {
          object: 'dead_letter',
          id: expect.stringMatching(/^dl_/),
          code: 'invalid_event',
          payload: { specversion: '0.3' },
          entity: 'shown',
          event_id: 'e1',
          status: 'open',
          seen_count: 1,
        },
      ],
      has_more: false,
    });
  });

  it('a replayed event is counted, a discarded one can still be read, and both are audited', async () => {
    await bury('entity1', anEventBody());
    const [letter] = await letters('?entity=entity1&status=open');
    const replayed = await app.call(`POST /v1/admin/dead_letters/${letter?.id}/replay`);
    expect([replayed.status, replayed.body.status]).toEqual([200, 'replayed']);
    await until('the event is counted', async () => {
      const { body } = await app.call('GET /v1/entities/entity1/balance');
      return body.month_to_date_usd !== '0';
    });
    await bury('given-up', { subject: 'given-up' });
    const [given] = await letters('?entity=given-up');
    await app.call(`POST /v1/admin/dead_letters/${given?.id}/discard`);
    expect(await letters('?entity=given-up&status=open')).toEqual([]);
    expect(await letters('?entity=given-up')).toMatchObject([{ status: 'discarded' }]);
    const { body: log } = await app.call('GET /v1/admin/audit_log');
    expect(log.data.map(({ action }: { action: string }) => action)).toEqual(
      expect.arrayContaining(['dead_letters.replayed', 'dead_letters.discarded']),
    );
  });

  const buryAll = (subject: string, code: string, payloads: readonly object[]): Promise<void> => {
    const [entity = '', project = ''] = subject.split('/');
    const letter = { code, message: code, jobId: null, entity, project, source: '/g', eventId: null };
    return insertDeadLetters(
      app.database.reader,
      payloads.map((payload) => ({ ...letter, payload: JSON.stringify({ subject, ...payload }) })),
    );
  };
  const seenAt = (entity: string, time: string) =>
    app.postgres.pool.query('update dead_letters set last_seen_at = $2 where entity = $1', [entity, time]);

  it('dead letters are found by entity, subject, reason, status and time, page by page', async () => {
    const numbered = (count: number) => Array.from({ length: count }, (_, n) => ({ n }));
    await buryAll('found/a', 'invalid_tokens', numbered(3));
    await buryAll('found/b', 'invalid_event', numbered(2));
    await buryAll('older/a', 'invalid_tokens', numbered(1));
    await seenAt('older', '2026-11-01T10:00:00Z');
    const count = async (query: string) => (await letters(query)).length;
    expect(await count('?entity=found')).toBe(5);
    expect(await count('?subject=found/a')).toBe(3);
    expect(await count('?entity=found&code=invalid_event')).toBe(2);
    expect(await count('?entity=found&status=discarded')).toBe(0);
    const at = new Date('2026-11-01T10:00:00Z').getTime() / 1_000;
    expect(await count(`?start_time=${at}&end_time=${at + 1}`)).toBe(1);
    expect(await count(`?start_time=${at + 1}&entity=older`)).toBe(0);
    expect(await count(`?end_time=${at}&entity=older`)).toBe(0);
    const seen: string[] = [];
    for (let after = '', more = true; more;) {
      const { body } = await app.call(`GET /v1/admin/dead_letters?entity=found&limit=2${after}`);
      seen.push(...body.data.map(({ id }: Letter) => id));
      [after, more] = [`&after=${body.last_id}`, body.has_more];
    }
    expect(new Set(seen).size).toBe(5);
    const mixed = await app.call('GET /v1/admin/dead_letters?entity=found&subject=other/a');
    expect([mixed.status, mixed.body.error.param]).toEqual([400, 'entity']);
  });

  it('all that match are replayed, so many a call, each counted once and audited, and what fails again is open again', async () => {
    const good = Array.from({ length: 5 }, () => anEventBody({ subject: 'mended/p' }));
    // Seen first, so that it is sent last: what comes back matches again.
    await buryAll('mended/p', 'time_out_of_range', [{ subject: 'mended/p', broken: true }]);
    await buryAll('mended/p', 'time_out_of_range', good);
    await buryAll('mended/q', 'time_out_of_range', [anEventBody({ subject: 'mended/q' })]);
    const order = { subject: 'mended/p', code: 'time_out_of_range', limit: 4 };
    const replay = (body: object) => app.call('POST /v1/admin/dead_letters/replay', { body });
    const first = await replay(order);
    expect(first.body).toMatchObject({
      object: 'dead_letter_batch',
      status: 'replayed',
      answered: 4,
      remaining: 2,
    });
    const rest = await replay({ ...order, end_time: first.body.end_time });
    expect(rest.body).toEqual({ ...first.body, answered: 2, remaining: 0 });
    await until('the five are counted and the sixth is refused again', async () => {
      const { rows } = await app.postgres.pool.query(`select from rated_events where entity = 'mended'`);
      return rows.length === 5 && (await letters('?subject=mended/p&status=open')).length === 1;
    });
    expect(await letters('?subject=mended/p&status=replayed')).toHaveLength(6);
    expect(await letters('?subject=mended/q&status=open')).toHaveLength(1);
    const { body: log } = await app.call(
      'GET /v1/admin/audit_log?entity=mended&action=dead_letters.replayed',
    );
    expect(log.data).toHaveLength(6);
    expect(log.data[0]).toMatchObject({
      action: 'dead_letters.replayed',
      target: expect.stringMatching(/^dl_/),
      before: { status: 'open' },
      after: { status: 'replayed' },
    });
  });

  it('all that match are discarded, and can be replayed later', async () => {
    await buryAll('hopeless/p', 'invalid_event', [{ n: 1 }, { n: 2 }]);
    await buryAll('hopeful/p', 'invalid_event', [{ n: 1 }]);
    const discarded = await app.call('POST /v1/admin/dead_letters/discard', { body: { entity: 'hopeless' } });
    expect(discarded.body).toMatchObject({ status: 'discarded', answered: 2, remaining: 0 });
    expect(await letters('?entity=hopeful')).toMatchObject([{ status: 'open' }]);
    const again = { entity: 'hopeless', status: 'discarded' };
    const replayed = await app.call('POST /v1/admin/dead_letters/replay', { body: again });
    expect(replayed.body).toMatchObject({ status: 'replayed', answered: 2, remaining: 0 });
    for (const body of [{ limit: 0 }, { status: 'replayed' }, { state: 'open' }]) {
      expect((await app.call('POST /v1/admin/dead_letters/replay', { body })).status).toBe(400);
    }
  });
});
