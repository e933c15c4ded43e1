/** States that a transaction read after its changes are published as they are. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { EntityName, Subject } from '../../src/domain/ids.js';
import type { QuotaState } from '../../src/domain/quota-limits.js';
import { untilReady } from '../support/redis-connection.js';
import { loadQuotaStates } from '../../src/quota/quota-state.sql.js';
import { statesOf, type QuotaStateRow } from '../../src/quota/quota-state-rows.js';
import { aSubject, NOON, usd } from '../support/quota.js';
import { aCustomer, quotaServers, spend, type QuotaServers } from '../support/quota-service.js';

let on: QuotaServers;
beforeAll(async () => (on = await quotaServers()));
afterAll(() => on.close());
beforeEach(() => on.clock.set(NOON));
afterEach(() => on.recover());

const statesRead = (...subjects: Subject[]): Promise<QuotaState[]> =>
  loadQuotaStates(on.admin.reader, { subjects, at: on.clock.now() });
const creditsLeft = async (subject: Subject) => {
  const decision = await on.quota.check(subject);
  return decision.allowed && !decision.degraded ? decision.remaining.creditsPicos : decision;
};

describe('the states of a commit', () => {
  it('are published without a question to Postgres', async () => {
    const [a, b] = [await aCustomer(on, { entity: 'read-a' }), await aCustomer(on, { entity: 'read-b' })];
    await spend(on, a, '4');
    const states = await statesRead(a, b);
    await on.wires.postgres.cut();
    await on.quota.publishStates(states);
    expect([await creditsLeft(a), await creditsLeft(b)]).toEqual([usd('6'), usd('10')]);
  });

  it('that reach Redis after later ones change nothing', async () => {
    const subject = await aCustomer(on, { entity: 'overtaken' });
    const earlier = await statesRead(subject);
    await spend(on, subject, '4');
    await on.quota.publishStates(await statesRead(subject));
    await on.quota.publishStates(earlier);
    expect(await creditsLeft(subject)).toBe(usd('6'));
  });

  it('end the holds of the commit, and no other entity’s', async () => {
    const [a, b] = [await aCustomer(on, { entity: 'holds-a' }), await aCustomer(on, { entity: 'holds-b' })];
    const ids = [];
    for (const { entity } of [a, b]) {
      expect(await on.reserve({ subject: `${entity}/p` })).toBe('allowed');
      ids.push((await on.redis.zrange(`tally:{${entity}}:expiry`, 0, 0))[0]!);
    }
    await on.quota.publishStates(await statesRead(a), ids);
    expect((await on.quota.held(a.entity))?.requestCount).toBe(0);
    expect((await on.quota.held(b.entity))?.requestCount).toBe(1);
  });

  it('that Redis does not take are in force for the first decision once it answers again', async () => {
    const subject = await aCustomer(on, { entity: 'not-taken' });
    expect(await creditsLeft(subject)).toBe(usd('10'));
    await spend(on, subject, '10');
    const states = await statesRead(subject);
    await on.wires.redis.cut();
    await expect(on.quota.publishStates(states)).rejects.toThrow('Redis is unavailable');
    await on.wires.redis.mend();
    await untilReady(on.redis);
    expect(await on.check('not-taken/p')).toBe('credits: final');
  });

  it('are all published but the one whose keys are no such keys: Postgres decides for that one', async () => {
    const names = ['well-a', 'ill', 'well-b'];
    const subjects = [];
    for (const entity of names) subjects.push(await aCustomer(on, { entity, credits: '1' }));
    for (const subject of subjects) {
      expect(await on.check(`${subject.entity}/p`)).toBe('allowed');
      await spend(on, subject, '1');
    }
    await on.redis.del('tally:{ill}:state');
    await on.redis.set('tally:{ill}:state', 'bad');
    const states = await statesRead(...subjects);
    await expect(on.quota.publishStates(states)).rejects.toThrow('WRONGTYPE');
    await on.wires.postgres.cut();
    expect(await on.check('well-a/p')).toBe('credits: final');
    expect(await on.check('well-b/p')).toBe('credits: final');
    await on.wires.postgres.mend();
    on.clock.advance(1_000);
    expect(await on.check('ill/p')).toBe('~credits: final');
  });
});

describe('rows that a function in Postgres returned', () => {
  it('are one state for each entity, with the projects that they name', () => {
    const row = (entity: string, project: string, override: Partial<QuotaStateRow> = {}): QuotaStateRow => ({
      entity: entity as EntityName,
      is_created: true,
      cap_is_owners: false,
      project_cap_is_owners: false,
      version: '7',
      quota_mode: 'enforce',
      overage: 'blocked',
      monthly_cap: null,
      yearly_cap: '123456789012345678901234567',
      max_concurrent: null,
      month_cost: '1',
      year_cost: '2',
      credits: '3',
      granted: '4',
      credits_change_at: null,
      has_every_limit: true,
      project: project as QuotaStateRow['project'],
      project_month_cost: null,
      project_cap: null,
      project_max_concurrent: null,
      ...override,
    });
    const limited = { project_month_cost: '5', project_cap: '6' };
    const states = statesOf(
      [row('a', 'p', limited), row('b', ''), row('a', 'q', { ...limited, project_cap: '8' })],
      NOON,
    );
    expect(states.map(({ entity }) => entity)).toEqual(['a', 'b']);
    expect(states[0]).toMatchObject({ version: 7n, yearlyCapPicos: 123456789012345678901234567n, at: NOON });
    expect(
      states.map(({ projects }) => projects.map((each) => [each.project, each.monthlyCapPicos])),
    ).toEqual([
      [
        [aSubject('a/p').project, 6n],
        [aSubject('a/q').project, 8n],
      ],
      [],
    ]);
  });
});
