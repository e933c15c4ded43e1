/** The demo's customers in a real service, once and once more: each shows what it is there to show, and a second run adds nothing. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Admin } from '../../../packages/gateway/src/demo/admin.js';
import { CUSTOMERS, SEED_DAYS_BACK, UNPRICED } from '../../../packages/gateway/src/demo/customers.js';
import { plainPrices } from '../../../packages/gateway/src/demo/prices.js';
import {
  readCustomers,
  seedCustomers,
  type SeededCustomer,
} from '../../../packages/gateway/src/demo/seed.js';
import { DAY_MS } from '../../../packages/gateway/src/demo/seeded-usage.js';
import { readTrace } from '../../../packages/gateway/src/demo/trace.js';
import { anApp, type TestApp } from '../../support/app.js';
import { TestClock } from '../../support/test-clock.js';

let app: TestApp;
let admin: Admin;
/** Late in a month: on its first day there would be next to no usage of the month to look at. */
const now = new Date('2026-11-29T10:00:00Z');
beforeAll(async () => {
  app = await anApp({ role: 'all', clock: new TestClock(now) });
  admin = new Admin(app.url, app.adminKey);
  await seed('2026-11-29T10:00:00.000Z');
}, 300_000);
afterAll(() => app.close());

async function seed(run: string): Promise<number> {
  const ownFrom = new Date((Math.floor(now.getTime() / DAY_MS) - SEED_DAYS_BACK) * DAY_MS);
  const prices = await plainPrices(admin, { from: now, ownFrom });
  const trace = await readTrace();
  return seedCustomers({ admin, redisUrl: app.redis.url, run, now, trace, prices }, () => {});
}

const rows = async () => new Map((await readCustomers(admin)).map((row) => [row.entity, row]));
const row = async (entity: string): Promise<SeededCustomer> => (await rows()).get(entity)!;

describe('of the demo’s customers', () => {
  it('each is on the first page, with what it was charged', async () => {
    const seen = await rows();
    expect([...seen.keys()].toSorted()).toEqual(CUSTOMERS.map(({ name }) => name).toSorted());
    for (const { month_to_date_usd } of seen.values()) expect(Number(month_to_date_usd)).toBeGreaterThan(0);
  });

  it('one is near its cap and has not reached it', async () => {
    const share = Number((await row('kestrel-data')).monthly_cap_share);
    expect(share).toBeGreaterThan(0.85);
    expect(share).toBeLessThan(1);
  });

  it('one is out of credits, and was refused for that', async () => {
    const { state, credits_usd, denied_requests } = await row('harborview');
    expect([state, credits_usd, denied_requests]).toEqual(['out_of_credits', '0', 9]);
    const denials = await app.call('GET /v1/entities/harborview/denials');
    expect(new Set(denials.body.data.map(({ limit }: { limit: string }) => limit))).toEqual(
      new Set(['credits']),
    );
  });

  it('one has credits for a few days more', async () => {
    const { body } = await app.call('GET /v1/entities?search=cedarline');
    const [{ credits_usd, credits_until }] = body.data;
    expect(Number(credits_usd)).toBeGreaterThan(0);
    expect(credits_until * 1_000 - now.getTime()).toBeLessThan(8 * DAY_MS);
  });

  it('one project has reached its cap and is refused, and one customer has too many requests in flight', async () => {
    const limits = async (entity: string) =>
      new Set(
        (await app.call(`GET /v1/entities/${entity}/denials`)).body.data.map(
          ({ limit }: { limit: string }) => limit,
        ),
      );
    expect(await limits('oakbridge')).toEqual(new Set(['project_monthly_cap']));
    expect(await limits('quarry-street')).toEqual(new Set(['concurrency']));
    expect((await app.call('GET /v1/entities/quarry-street/balance')).body.held_usd).toBe('0');
  });

  it('none has used more than its cap or that of a project', async () => {
    const capped: string[] = [];
    for (const { name } of CUSTOMERS) {
      const { body } = await app.call(`GET /v1/entities/${name}/balance`);
      for (const { project = null, month_to_date_usd, monthly_cap_usd } of [body, ...body.projects]) {
        if (monthly_cap_usd === null) continue;
        capped.push(project ?? name);
        expect(Number(month_to_date_usd)).toBeLessThanOrEqual(Number(monthly_cap_usd));
      }
    }
    expect(capped).toEqual(expect.arrayContaining(['kestrel-data', 'nightly-summaries']));
  });

  it('one has usage that waits for a price', async () => {
    const { body } = await app.call('GET /v1/admin/prices/unpriced');
    const waiting = body.data.map(({ entity, model }: { entity: string; model: string }) => [entity, model]);
    expect(waiting).toEqual([['juniper-labs', UNPRICED]]);
  });

  it('some have late usage: of a month that was over, charged in this one', async () => {
    const since = Math.floor((now.getTime() - 35 * DAY_MS) / 1_000);
    const { body } = await app.call(
      `GET /v1/entities/fieldstone/events?order=asc&limit=1&start_time=${since}`,
    );
    expect(body.data[0]).toMatchObject({ late: true });
  });

  it('nothing changes when they are seeded again', async () => {
    const before = await rows();
    expect(await seed('2026-11-29T10:05:00.000Z')).toBeGreaterThan(15_000);
    const spent = (seen: Map<string, SeededCustomer>) =>
      [...seen.values()].map(({ entity, month_to_date_usd, credits_usd }) => [
        entity,
        month_to_date_usd,
        credits_usd,
      ]);
    expect(spent(await rows())).toEqual(spent(before));
    const { body } = await app.call('GET /v1/admin/reconciliation');
    expect(body).toMatchObject({ ok: true });
    expect((await app.call('GET /v1/admin/dead_letters')).body.data).toEqual([]);
    expect((await app.call('GET /v1/admin/usage_conflicts')).body.data).toEqual([]);
  }, 300_000);
});
