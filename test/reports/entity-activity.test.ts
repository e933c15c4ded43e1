import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { anApp, type TestApp } from '../support/app.js';
import { anEvent, LLAMA } from '../support/builders.js';
import { TestClock } from '../support/test-clock.js';
import { recordUsage } from '../support/usage.js';

describe('GET /v1/entities/{entity}/activity', () => {
  const clock = new TestClock();
  let app: TestApp;
  beforeAll(async () => {
    app = await anApp({ clock });
    await app.call('PUT /v1/admin/entities/entity1', { body: { plan: 'free' } });
    await app.call('POST /v1/admin/entities/entity1/credits', { body: { amount_usd: '0.0001' } });
    await recordUsage(app, [
      anEvent({ occurredAt: new Date('2026-11-20T00:00:00Z') }),
      anEvent({
        occurredAt: new Date('2026-11-20T23:59:59.999Z'),
        quantities: { input: 100, cached_input: 10, output: 50 },
      }),
      anEvent({ occurredAt: new Date('2026-11-21T00:00:00Z'), subject: 'entity1/other' }),
      anEvent({ occurredAt: new Date('2026-10-30T00:00:00Z') }),
      anEvent({ occurredAt: new Date('2026-11-21T00:00:00Z'), model: 'unheard-of' }),
      anEvent({ subject: 'entity2/project1' }),
    ]);
  });
  afterAll(() => app.close());

  const activity = async (query = '') => (await app.call(`GET /v1/entities/entity1/activity${query}`)).body;
  const at = (time: string) => Date.parse(`2026-${time}:00Z`) / 1000;

  it('sums usage by UTC day, project and model, each amount exact', async () => {
    const { days } = await activity();
    expect(
      days.map(({ day, project, model, requests, cost_usd }: Record<string, unknown>) => [
        day,
        project,
        model,
        requests,
        cost_usd,
      ]),
    ).toEqual([
      ['2026-11-20', 'project1', LLAMA, 2, '0.0002201'],
      ['2026-11-21', 'other', LLAMA, 1, '0.0001065'],
      ['2026-11-21', 'project1', 'unheard-of', 1, '0'],
    ]);
  });

  it('states what credits paid within and after the range', async () => {
    const body = await activity(`?start_time=${at('11-01T00:00')}&end_time=${at('11-20T00:00')}`);
    expect([body.days, body.credits_after_usd, body.grants[0].remaining_usd]).toEqual([[], '0.0001', '0']);
  });

  it('marks what is charged to another month and what has no price', async () => {
    expect((await activity()).marks).toEqual({
      late_requests: 1,
      late_usd: '0.0001065',
      late: [{ occurred_period: '2026-10', period: '2026-11', requests: 1, cost_usd: '0.0001065' }],
      unpriced_requests: 1,
      unpriced_models: ['unheard-of'],
      unpriced: [{ model: 'unheard-of', quantities: { input: 100, output: 50 } }],
      conflicts: 0,
      dead_letters: 0,
    });
    const october = await activity(`?start_time=${at('10-01T00:00')}&end_time=${at('11-01T00:00')}`);
    expect(october.marks).toMatchObject({ late_requests: 1, late_usd: '0.0001065', unpriced_requests: 0 });
  });

  it('shows that roll-ups, projects and account agree on a period, late usage included', async () => {
    const [november] = (await activity()).periods;
    expect(november).toEqual({
      period: '2026-11',
      ok: true,
      charged_usd: '0.0004331',
      credits_usd: '0.0001',
      overage_usd: '0.0003331',
      rolled_up_usd: '0.0004331',
      projects_usd: '0.0004331',
    });
    await app.postgres.pool.query(
      "update project_spend set cost_picos = cost_picos + 1 where project = 'other'",
    );
    expect((await activity()).periods[0]).toMatchObject({ ok: false, projects_usd: '0.000433100001' });
    await app.postgres.pool.query(
      "update project_spend set cost_picos = cost_picos - 1 where project = 'other'",
    );
  });

  it.each([
    ['start_time=1764547200&end_time=1764547200', 'end_time'],
    ['start_time=1600000000&end_time=1764547200', 'end_time'],
    ['start_time=4000000000', 'end_time'],
    ['start_time=soon', 'start_time'],
  ])('%s is a 400 that names the field', async (query, param) => {
    const answer = await app.call(`GET /v1/entities/entity1/activity?${query}`);
    expect([answer.status, answer.body.error.param]).toEqual([400, param]);
  });
});
