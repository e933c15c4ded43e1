/** Connections by purpose: what one purpose holds, another does not wait for. Each test holds, and lets go only afterwards. */
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { anApp, type Answer, type TestApp } from '../support/app.js';
import { anEventBody, LLAMA } from '../support/builders.js';
import { until } from '../support/until.js';

const REPORT = 'GET /v1/entities/entity1/activity';

describe('reports that are slow', () => {
  let app: TestApp;
  beforeEach(async () => {
    app = await anApp({ role: 'all' });
    await app.call('PUT /v1/admin/entities/entity1', { body: { plan: 'free' } });
  });
  afterEach(() => app.close());

  const reportsWaiting = () => {
    const { inUse, waiting } = app.database.poolCounts().find(({ purpose }) => purpose === 'reports')!;
    return inUse + waiting;
  };

  /** Opens so many reports while a lock keeps all of them from reading, and lets go after `meanwhile`. */
  async function whileHeld(count: number, meanwhile: () => Promise<void>): Promise<Answer[]> {
    const holder = await app.postgres.pool.connect();
    let answers: Promise<Answer[]>;
    try {
      await holder.query('begin; lock table usage_daily in access exclusive mode');
      answers = Promise.all(Array.from({ length: count }, () => app.call(REPORT)));
      await until('all reports wait', async () => reportsWaiting() === count, 20);
      await meanwhile();
      await holder.query('commit');
    } finally {
      holder.release();
    }
    return answers;
  }

  const eventsOf = async (entity: string) => {
    const { rows } = await app.postgres.pool.query('select from usage_events where entity = $1', [entity]);
    return rows.length;
  };

  /** What must go on: an event, a purchase, a decision that nobody has asked before, and health. */
  async function goOn(): Promise<void> {
    const body = anEventBody({ subject: 'entity3/p' });
    expect((await app.call('POST /v1/usage/events', { body })).status).toBe(202);
    await until('the event is counted', async () => (await eventsOf('entity3')) === 1);
    await app.call('PUT /v1/admin/entities/entity2', { body: { plan: 'free' } });
    const bought = await app.call('POST /v1/admin/entities/entity2/credits', { body: { amount_usd: '1' } });
    expect(bought.status).toBe(201);
    const decided = await app.call('POST /v1/quota/reservations', {
      body: { project: 'entity2/p', model: LLAMA, input_tokens: 1_000, max_output_tokens: 0 },
    });
    expect([decided.status, decided.body.degraded]).toEqual([201, undefined]);
    expect((await app.call('GET /readyz')).status).toBe(200);
    expect(reportsWaiting()).toBeGreaterThanOrEqual(10);
  }

  it.each([10, 120])(
    '%d of them keep no event, purchase, decision or /readyz from being answered',
    async (count) => {
      const answers = await whileHeld(count, goOn);
      // Those at the end of the queue may have waited for too long.
      for (const { status } of answers) expect([200, 503]).toContain(status);
      expect(answers.filter(({ status }) => status === 200).length).toBeGreaterThanOrEqual(5);
    },
  );

  it('are refused above 120, with the time to come back', async () => {
    await whileHeld(120, async () => {
      const { status, headers, body } = await app.call(REPORT);
      expect([status, headers.get('retry-after'), body.error.code]).toEqual([503, '1', 'overloaded']);
    });
    expect((await app.call(REPORT)).status).toBe(200);
  });
});
