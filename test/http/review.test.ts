import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { anApp, type TestApp } from '../support/app.js';
import { anEventBody } from '../support/builders.js';
import { until } from '../support/until.js';
import { insertDeadLetters } from '../../src/store/dead-letters.js';

type Letter = { id: string; entity: string; status: string };

describe('what operators look at', () => {
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
        source: '/gateways/test',
        eventId: 'e1',
      },
    ]);
  const letters = async (query: string, key = app.adminKey): Promise<Letter[]> =>
    (await app.call(`GET /v1/admin/dead_letters${query}`, { key })).body.data;
  const reportAndCount = async (body: object): Promise<void> => {
    const before = await app.database.pool.query('select from usage_identities');
    expect((await app.call('POST /v1/usage/events', { body })).body.accepted).toBe(1);
    await until('the worker has counted it', async () => {
      const { rows } = await app.database.pool.query('select from usage_identities');
      return rows.length > before.rows.length;
    });
  };

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

  it('a replayed letter is counted, a discarded one stays to be read, and both are audited', async () => {
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

  it("a key bound to an entity sees and answers its own letters, and cannot tell another's from none", async () => {
    await bury('mine', { subject: 'mine' });
    await bury('theirs', { subject: 'theirs' });
    const key = await app.key('admin', 'mine');
    expect((await letters('', key)).map(({ entity }) => entity)).toEqual(['mine']);
    const [theirs] = await letters('?entity=theirs');
    const refusals = [];
    for (const id of [theirs?.id, 'dl_none']) {
      const { status, text } = await app.call(`POST /v1/admin/dead_letters/${id}/discard`, { key });
      refusals.push([status, text]);
    }
    expect(refusals[0]).toEqual(refusals[1]);
    expect(refusals[0]?.[0]).toBe(403);
    expect(await letters('?entity=theirs')).toMatchObject([{ status: 'open' }]);
  });

  it('a conflict shows the content that was counted and the one that was not', async () => {
    const event = anEventBody({ subject: 'conflicted/p', id: 'same' });
    await reportAndCount(event);
    const other = anEventBody({ subject: 'conflicted/p', id: 'same' }, { usage: { prompt_tokens: 7 } });
    await app.call('POST /v1/usage/events', { body: other });
    await until('the conflict is kept', async () => {
      const { body } = await app.call('GET /v1/admin/usage_conflicts?entity=conflicted');
      return body.data.length === 1;
    });
    const { body } = await app.call('GET /v1/admin/usage_conflicts');
    expect(body.data).toMatchObject([
      {
        object: 'usage_conflict',
        entity: 'conflicted',
        event_id: 'same',
        counted: { tokens: { inputTokens: 100 } },
        other: { tokens: { inputTokens: 7 } },
      },
    ]);
  });

  it('the books are reconciled on demand', async () => {
    const { status, body } = await app.call('GET /v1/admin/reconciliation');
    expect([status, body.object, body.ok]).toEqual([200, 'reconciliation', true]);
    expect(body.checks.length).toBeGreaterThan(3);
    for (const check of body.checks) {
      expect(Object.keys(check).toSorted()).toEqual(['differences', 'left', 'name', 'ok', 'right']);
    }
  });

  it('the audit log can be read page by page, newest first', async () => {
    for (const plan of ['free', 'pro', 'free']) {
      await app.call('PUT /v1/admin/entities/audited', { body: { plan } });
    }
    const first = await app.call('GET /v1/admin/audit_log?entity=audited&limit=2');
    const second = await app.call(
      `GET /v1/admin/audit_log?entity=audited&limit=2&after=${first.body.last_id}`,
    );
    expect([first.body.data.length, first.body.has_more]).toEqual([2, true]);
    expect([second.body.data.length, second.body.has_more]).toEqual([1, false]);
    expect(Number(second.body.first_id)).toBeLessThan(Number(first.body.last_id));
  });
});
