import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { anApp, type TestApp } from '../support/app.js';
import { anEvent, LLAMA } from '../support/builders.js';
import { recordUsage } from '../support/usage.js';

const seconds = (time: string): number => Date.parse(time) / 1000;

describe('the events of an entity', () => {
  let app: TestApp;
  beforeAll(async () => {
    app = await anApp();
    await app.call('PUT /v1/admin/entities/entity1', { body: { plan: 'free' } });
    await app.call('POST /v1/admin/entities/entity1/credits', { body: { amount_usd: '0.00005' } });
    const same = new Date('2026-11-22T11:00:00.123Z');
    await recordUsage(app, [
      ...Array.from({ length: 7 }, (_, n) =>
        anEvent({ id: `e${n}`, occurredAt: n < 4 ? same : new Date(same.getTime() - n) }),
      ),
      anEvent({
        id: 'other',
        subject: 'entity1/project2',
        model: 'unknown',
        occurredAt: new Date('2026-11-02T00:00:00Z'),
        tags: { team: 'a' },
      }),
      anEvent({ id: 'foreign', subject: 'entity2/project1' }),
    ]);
  });
  afterAll(() => app.close());

  const idsOf = async (query: string) => {
    const { body } = await app.call(`GET /v1/entities/entity1/events?${query}`);
    return body.data.map((event: { event_id: string }) => event.event_id);
  };

  it('come in pages that miss none and repeat none, even where many have the same time', async () => {
    const seen: string[] = [];
    for (let after = ''; ;) {
      const { body } = await app.call(`GET /v1/entities/entity1/events?limit=2${after}`);
      seen.push(...body.data.map((event: { event_id: string }) => event.event_id));
      if (!body.has_more) break;
      after = `&after=${body.last_id}`;
    }
    expect(seen.slice(4)).toEqual(['e4', 'e5', 'e6', 'other']);
    expect(seen.toSorted()).toEqual(['e0', 'e1', 'e2', 'e3', 'e4', 'e5', 'e6', 'other']);
  });

  it('show tokens, unit prices, cost and who paid', async () => {
    const { body } = await app.call('GET /v1/entities/entity1/events?project=project1&limit=1');
    const { body: grants } = await app.call('GET /v1/admin/entities/entity1/credits');
    const paid = (await app.call('GET /v1/entities/entity1/events')).body.data.filter(
      (event: { burns: unknown[] }) => event.burns.length > 0,
    );
    expect(body.data[0]).toMatchObject({
      object: 'usage_event',
      source: '/gateways/test',
      project: 'project1',
      model: LLAMA,
      period: '2026-11',
      late: false,
      unpriced: false,
      occurred_at: '2026-11-22T11:00:00.123Z',
      input_tokens: 100,
      cached_input_tokens: 0,
      output_tokens: 50,
      input_usd_per_million: '0.71',
      cached_input_usd_per_million: '0.71',
      cost_usd: '0.0001065',
      corrections: [],
    });
    expect(paid).toMatchObject([
      { burns: [{ grant: grants.data[0].id, amount_usd: '0.00005' }], overage_usd: '0.0000565' },
    ]);
  });

  it('are found by project, model, price and time', async () => {
    expect(await idsOf('project=project2')).toEqual(['other']);
    expect(await idsOf('model=unknown')).toEqual(['other']);
    expect(await idsOf('price=0')).toEqual(['other']);
    expect(await idsOf('period=2026-11&project=project2')).toEqual(['other']);
    expect(await idsOf('period=2026-10')).toEqual([]);
    expect(
      await idsOf(
        `start_time=${seconds('2026-11-02T00:00:00Z')}&end_time=${seconds('2026-11-02T00:00:01Z')}`,
      ),
    ).toEqual(['other']);
    expect(await idsOf(`end_time=${seconds('2026-11-02T00:00:00Z')}`)).toEqual([]);
    const { body } = await app.call('GET /v1/entities/entity1/events?model=unknown');
    expect(body.data[0]).toMatchObject({
      unpriced: true,
      price: null,
      input_usd_per_million: null,
      cost_usd: '0',
      tags: { team: 'a' },
    });
  });

  it('are found by what they say: who, what and how, by any of several values, and by what they lack', async () => {
    await recordUsage(app, [
      anEvent({
        id: 'told',
        occurredAt: new Date('2026-11-21T09:00:00Z'),
        userId: 'u_1',
        apiKeyId: 'k_1',
        operation: 'responses',
        serviceTier: 'flex',
        requestId: 'req_9',
        tags: { team: 'search', 'cost centre': 'a:b' },
        quantities: { input: 10, reasoning: 3, search: 2 },
      }),
    ]);
    const asked = [
      'user=u_1', 'api_key=k_1', 'operation=responses', 'service_tier=flex', 'request_id=req_9', 'event_id=told',
      'tag=team:search', 'tag:team=search', 'tag=cost%20centre:a:b', 'meter=search', 'meter=reasoning',
      'user=u_0&user=u_1', 'meter=input&meter=search', 'user=u_1&model=' + LLAMA,
    ]; // prettier-ignore
    for (const query of asked) expect([query, await idsOf(query)]).toEqual([query, ['told']]);
    expect(await idsOf('user=u_1&model=unknown')).toEqual([]);
    expect(await idsOf('meter=output&without=user&without=tag:team&limit=100')).toEqual(
      expect.not.arrayContaining(['told', 'other']),
    );
    expect(await idsOf('without=tag:team&project=project2')).toEqual([]);
    expect(await idsOf('without=api_key&project=project2&project=project3')).toEqual(['other']);
  });

  it('are read alone by their id, as in the list, and only by the entity whose they are', async () => {
    const { body } = await app.call('GET /v1/entities/entity1/events?event_id=e5');
    const [event] = body.data;
    const read = (entity: string, id: string) => app.call(`GET /v1/entities/${entity}/events/${id}`);
    expect(await read('entity1', event.id)).toMatchObject({ status: 200, body: event });
    expect((await read('entity2', event.id)).status).toBe(404);
    expect((await read('entity1', event.id.replace(/.$/, 'x'))).status).toBe(400);
  });

  it('of an earlier month are found by request and by the reservation that they ended', async () => {
    const reservationId = `res_${'a'.repeat(22)}.entity1`;
    await recordUsage(app, [
      anEvent({
        id: 'held',
        subject: 'entity1/project1',
        occurredAt: new Date('2026-10-25T00:00:00Z'),
        requestId: 'req_old',
        reservationId,
      }),
    ]);
    expect(await idsOf(`reservation_id=${reservationId}`)).toEqual(['held']);
    expect(await idsOf('request_id=req_old')).toEqual(['held']);
    const { body } = await app.call(`GET /v1/entities/entity1/events?event_id=held`);
    expect(body.data[0]).toMatchObject({ reservation_id: reservationId, request_id: 'req_old' });
    expect(await idsOf('project=project1&limit=100')).not.toContain('held');
  });

  it('are found by their id in any month, one of each source, and never those of another entity', async () => {
    await recordUsage(app, [
      anEvent({ id: 'e0', source: '/gateways/b', occurredAt: new Date('2026-10-30T00:00:00Z') }),
      anEvent({ id: 'foreign', source: '/gateways/b', subject: 'entity2/project1' }),
    ]);
    const found = async (query: string) => {
      const { body } = await app.call(`GET /v1/entities/entity1/events?${query}`);
      return body.data.map((event: { source: string }) => event.source);
    };
    expect(await found('event_id=e0')).toEqual(['/gateways/test', '/gateways/b']);
    expect(await found('event_id=e0&source=/gateways/b')).toEqual(['/gateways/b']);
    expect(await found('event_id=e0&project=project2')).toEqual([]);
    expect(await found(`source=/gateways/b&start_time=${seconds('2026-10-01T00:00:00Z')}`)).toEqual([
      '/gateways/b',
    ]);
    expect(await found('source=/gateways/c')).toEqual([]);
    expect(await found('event_id=foreign')).toEqual([]);
    expect(await found('event_id=nothing')).toEqual([]);
    expect(await found(`event_id=e0&start_time=${seconds('2026-11-01T00:00:00Z')}`)).toEqual([
      '/gateways/test',
    ]);
  });

  it.each([
    'event_id=',
    'without=model',
    'meter=tokens',
    'tag=team',
    'after=x',
    'limit=0',
    'price=a',
    'period=2026',
    'project=a/b',
    'start_time=5',
    'start_time=1764000000&end_time=1763000000',
    'x=1',
  ])('refuse %s with a 400', async (query) => {
    expect((await app.call(`GET /v1/entities/entity1/events?${query}`)).status).toBe(400);
  });
});
