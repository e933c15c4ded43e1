/** Who may use up an event's identity: its own entity, and where a key is bound to a source, that source alone. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { anApp, type TestApp } from '../support/app.js';
import { anEventBody } from '../support/builders.js';
import { until } from '../support/until.js';
import { aTestQueue } from '../support/usage-queue.js';

describe('an identity', () => {
  let app: TestApp;
  beforeAll(async () => {
    app = await anApp({ role: 'all' });
  });
  afterAll(() => app.close());

  const countedOf = async (entity: string) =>
    (
      await app.postgres.pool.query(
        'select id, input_tokens::int as input from rated_events where entity = $1 order by id',
        [entity],
      )
    ).rows;
  const conflictsOf = async (entity: string) =>
    (await app.call(`GET /v1/admin/usage_conflicts?entity=${entity}`)).body.data.length;
  const event = (subject: string, id: string, input: number, source = '/gateways/test') =>
    anEventBody({ subject, id, source }, { usage: { prompt_tokens: input, completion_tokens: 0 } });

  it.each(['http', 'queue'])('of another entity cannot be used up, by %s', async (door) => {
    const [alpha, beta] = [`alpha-${door}`, `beta-${door}`];
    const queue = await aTestQueue(app.redis.url, { mayDie: false, nowMs: () => app.clock.now().getTime() });
    const key = await app.key('gateway', beta);
    // The id is known from the stream's first chunk, before the real event is reported.
    const early = [event(`${beta}/p`, 'chatcmpl-1', 0), event(`${beta}/p`, 'chatcmpl-2', 0)];
    if (door === 'http') await app.call('POST /v1/usage/events', { body: early, key });
    else await queue.add([early]);
    await until('they are counted', async () => (await countedOf(beta)).length === 2);
    await queue.add([event(`${alpha}/p`, 'chatcmpl-1', 100)]);
    await app.call('POST /v1/usage/events', { body: event(`${alpha}/p`, 'chatcmpl-2', 200) });
    await until('both are counted', async () => (await countedOf(alpha)).length === 2);
    expect(await countedOf(alpha)).toEqual([
      { id: 'chatcmpl-1', input: 100 },
      { id: 'chatcmpl-2', input: 200 },
    ]);
    expect(await conflictsOf(alpha)).toBe(0);
    await queue.close();
  });

  it('of another source cannot be used up by a key that is bound to one, and others of the report are counted', async () => {
    const { body: key } = await app.call('POST /v1/admin/keys', {
      body: { name: 'eu', role: 'gateway', entity: 'sourced', source: '/gateways/eu' },
    });
    const report = (body: unknown) => app.call('POST /v1/usage/events', { body, key: key.secret });
    const answer = await report([
      event('sourced/p', 'a', 1, '/gateways/eu'),
      event('sourced/p', 'b', 2, '/gateways/us'),
      event('sourced/p', 'c', 3, '/gateways/eu/'),
      { ...event('sourced/p', 'd', 4, '/gateways/us'), type: 'x' },
    ]);
    expect([answer.status, answer.body.accepted]).toEqual([202, 1]);
    expect(
      answer.body.rejected.map(({ index, code }: { index: number; code: string }) => [index, code]),
    ).toEqual([
      [1, 'insufficient_permissions'],
      [2, 'insufficient_permissions'],
      [3, 'insufficient_permissions'],
    ]);
    expect((await report(event('sourced/p', 'e', 5, '/gateways/us'))).status).toBe(422);
    await until('it is counted', async () => (await countedOf('sourced')).length === 1);
    expect(await countedOf('sourced')).toEqual([{ id: 'a', input: 1 }]);
    expect((await app.call('GET /v1/admin/dead_letters?entity=sourced')).body.data).toEqual([]);
  });
});
