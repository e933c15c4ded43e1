import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { Database } from '../../src/platform/database.js';
import { LIMITED_PROJECTS_MAX } from '../../src/quota/quota-state-rows.js';
import { loadQuotaStates, type QuotaSubject } from '../../src/quota/quota-state.sql.js';
import { aDatabase, type TestDatabase } from '../support/database.js';
import { aProjectQuota, aSubject, NOON } from '../support/quota.js';

let server: TestDatabase;
let database: Database;
beforeAll(async () => {
  server = await aDatabase();
  database = new Database({ url: server.serviceUrl });
});
afterAll(async () => {
  await database.close();
  await server.drop();
});
beforeEach(async () => {
  await sql(`delete from credit_grants; delete from projects; delete from entities; delete from plans;
    delete from entity_spend; delete from project_spend`);
  await sql(`insert into plans (name, monthly_cap_picos, yearly_cap_picos, overage, max_concurrent_requests, version) values
    ('free', 100, null, 'blocked', 5, 3), ('pro', 6000, 70000, 'allowed', null, 40)`);
});

const sql = (text: string) => server.pool.query(text);
const { entity, project } = aSubject();
const load = async (at = NOON, subjects: QuotaSubject[] = [{ entity, project }]) =>
  loadQuotaStates(database.reader, { subjects, at });
const one = async (at?: Date) => (await load(at))[0];

describe('the state of an entity', () => {
  it('that is unknown is the default plan with nothing spent, and reading creates no row', async () => {
    expect(await one()).toEqual({
      entity,
      mode: 'enforce',
      isCreated: false,
      version: 3n,
      period: '2026-11',
      at: NOON,
      freshUntil: new Date('2026-12-01T00:00:00Z'),
      monthCostPicos: 0n,
      yearCostPicos: 0n,
      monthlyCapPicos: 100n,
      yearlyCapPicos: null,
      overage: 'blocked',
      maxConcurrentRequests: 5,
      creditsPicos: 0n,
      grantedPicos: 0n,
      projects: [aProjectQuota()],
      hasEveryLimit: true,
    });
    expect((await sql('select from entities')).rowCount).toBe(0);
  });

  it('has its own limits, otherwise those of its plan, and no limit where its own is lifted', async () => {
    await sql(`insert into entities (name, plan, version, created_at) values ('entity1', 'pro', 2, now())`);
    expect(await one()).toMatchObject({
      version: 42n,
      monthlyCapPicos: 6000n,
      yearlyCapPicos: 70000n,
      overage: 'allowed',
      maxConcurrentRequests: null,
    });
    await sql(`update entities set overage = 'blocked', monthly_cap_own = true, yearly_cap_own = true, yearly_cap_picos = 7,
      max_concurrent_own = true, max_concurrent_requests = 9`);
    expect(await one()).toMatchObject({
      monthlyCapPicos: null,
      yearlyCapPicos: 7n,
      overage: 'blocked',
      maxConcurrentRequests: 9,
    });
  });

  it('has the spend of the month and of its calendar year, exactly, beyond 64 bits', async () => {
    await sql(`insert into entity_spend select 'entity1', period, cost, 0, cost from (values
      ('2025-12', 1000000000000000000000000000), ('2026-01', 10), ('2026-10', 200), ('2026-11', 123456789012345678901234567),
      ('2026-12', 4000), ('2027-01', 50000)) as v (period, cost)`);
    await sql(`insert into entity_spend values ('entity2', '2026-11', 9, 0, 9)`);
    expect(await one()).toMatchObject({
      monthCostPicos: 123456789012345678901234567n,
      yearCostPicos: 123456789012345678901238777n,
    });
    expect(await one(new Date('2026-12-31T23:59:59.999Z'))).toMatchObject({ monthCostPicos: 4000n });
    expect(await one(new Date('2027-01-01T00:00:00Z'))).toMatchObject({
      monthCostPicos: 50000n,
      yearCostPicos: 50000n,
    });
  });

  it('has what is left of the grants that are valid, from the instant they begin to the instant they expire', async () => {
    await sql(
      `insert into entities (name, plan, created_at) values ('entity1', 'free', now()), ('entity2', 'free', now())`,
    );
    await sql(`insert into credit_grants
        (id, lot, entity, category, priority, amount_picos, remaining_picos, burnt_picos, effective_at, expires_at, created_at)
      values
        ('spent', 1, 'entity1', 'paid', 50, 5, 0, 5, '2026-01-01', '2026-11-22 12:00:05', '2026-01-01'),
        ('always', 2, 'entity1', 'paid', 50, 10, 7, 3, '2026-01-01', null, '2026-01-01'),
        ('other', 1, 'entity2', 'paid', 50, 900, 900, 0, '2026-01-01', null, '2026-01-01'),
        ('short', 3, 'entity1', 'paid', 50, 100, 100, 0, '2026-11-22 12:00:10', '2026-11-22 12:00:20', '2026-01-01')`);
    const at = (second: number) => new Date(NOON.getTime() + second * 1_000);
    const monthEnd = new Date('2026-12-01T00:00:00Z');
    expect(await one(at(0))).toMatchObject({ creditsPicos: 7n, grantedPicos: 15n, freshUntil: at(10) });
    expect(await one(at(10))).toMatchObject({ creditsPicos: 107n, grantedPicos: 110n, freshUntil: at(20) });
    expect(await one(at(19.999))).toMatchObject({
      creditsPicos: 107n,
      grantedPicos: 110n,
      freshUntil: at(20),
    });
    expect(await one(at(20))).toMatchObject({ creditsPicos: 7n, grantedPicos: 10n, freshUntil: monthEnd });
  });

  it('has the projects that were asked for, and never another entity’s project of the same name', async () => {
    await sql(
      `insert into entities (name, plan, created_at) values ('entity1', 'free', now()), ('entity2', 'free', now())`,
    );
    await sql(
      `insert into projects values ('entity1', 'project1', 60, 2, now()), ('entity2', 'project1', null, null, now())`,
    );
    await sql(`insert into project_spend values
      ('entity1', '2026-11', 'project1', 11), ('entity1', '2026-10', 'project1', 500), ('entity2', '2026-11', 'project1', 22)`);
    const other = aSubject('entity2/project1');
    const states = await load(NOON, [
      other,
      aSubject(),
      aSubject('entity1/new'),
      aSubject(),
      { entity: aSubject('entity3/x').entity, project: null },
    ]);
    expect(states.map((state) => [state.entity, state.projects.length])).toEqual([
      ['entity2', 1],
      ['entity1', 2],
      ['entity3', 0],
    ]);
    expect(states[0]?.projects).toEqual([aProjectQuota({ monthCostPicos: 22n })]);
    expect(states[1]?.projects).toEqual(
      expect.arrayContaining([
        aProjectQuota({ monthCostPicos: 11n, monthlyCapPicos: 60n, maxConcurrentRequests: 2 }),
        aProjectQuota({ project: aSubject('e/new').project }),
      ]),
    );
  });

  it('has every project with a limit, asked for or not, with what this month cost', async () => {
    await sql(
      `insert into entities (name, plan, created_at) values ('entity1', 'free', now()), ('entity2', 'free', now())`,
    );
    await sql(`insert into projects values ('entity1', 'capped', 60, null, now()), ('entity1', 'slots', null, 0, now()),
      ('entity1', 'free', null, null, now()), ('entity2', 'capped', 70, null, now())`);
    await sql(
      `insert into project_spend values ('entity1', '2026-11', 'capped', 11), ('entity1', '2026-10', 'slots', 5)`,
    );
    const named = (name: string) => aSubject(`e/${name}`).project;
    const [state] = await load(NOON, [{ entity, project: null }, aSubject('entity1/slots')]);
    expect(state?.hasEveryLimit).toBe(true);
    expect(state?.projects.toSorted((a, b) => (a.project < b.project ? -1 : 1))).toEqual([
      aProjectQuota({ project: named('capped'), monthCostPicos: 11n, monthlyCapPicos: 60n }),
      aProjectQuota({ project: named('slots'), maxConcurrentRequests: 0 }),
    ]);
  });

  it('has only the projects that were asked for where more have a limit than one state names', async () => {
    await sql(`insert into entities (name, plan, created_at) values ('entity1', 'free', now())`);
    const add = (first: number, last: number) =>
      sql(
        `insert into projects select 'entity1', 'p' || i, 60, null, now() from generate_series(${first}, ${last}) i`,
      );
    await add(1, LIMITED_PROJECTS_MAX);
    expect(await one()).toMatchObject({ hasEveryLimit: true });
    expect((await one())?.projects).toHaveLength(LIMITED_PROJECTS_MAX + 1);
    await add(0, 0);
    expect(await one()).toMatchObject({ hasEveryLimit: false, projects: [aProjectQuota()] });
  });

  it('is read together with thousands of others in one statement', async () => {
    const subjects = Array.from({ length: 2_000 }, (_, i) => aSubject(`e${i}/p`));
    const states = await load(NOON, subjects);
    expect(states.map((state) => state.entity)).toEqual(subjects.map((subject) => subject.entity));
  });

  it('is never empty and so allowed: without the default plan reading it fails', async () => {
    await sql('delete from plans');
    await expect(load()).rejects.toThrow('there is a plan named free');
  });
});
