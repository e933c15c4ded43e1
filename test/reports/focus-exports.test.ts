import { once } from 'node:events';
import { get, type IncomingMessage } from 'node:http';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Period } from '../../src/domain/period.js';
import { FocusExports } from '../../src/reports/focus-exports.js';
import { anApp, type TestApp } from '../support/app.js';
import { anEvent, LLAMA } from '../support/builders.js';
import { checkFocus, readFocus, sumPicos } from '../support/focus-checker.js';
import { MIXED, MIXED_PRICE, recordMixedUsage } from '../support/mixed-usage.js';
import { until } from '../support/until.js';
import { recordUsage } from '../support/usage.js';

describe('the FOCUS export', () => {
  let app: TestApp;
  beforeAll(async () => {
    app = await anApp();
    for (const entity of ['entity1', 'entity2']) {
      await app.call(`PUT /v1/admin/entities/${entity}`, { body: { plan: 'pro' } });
      const body = { amount_usd: '1', reference: '=inv,42' };
      await app.call(`POST /v1/admin/entities/${entity}/credits`, { body });
      await recordUsage(app, [
        anEvent({ subject: `${entity}/search`, quantities: { input: 1_000_000, output: 1_000_000 } }),
        anEvent({
          subject: `${entity}/chat`,
          model: '@cmd',
          quantities: { input: 100, cached_input: 5, output: 50 },
        }),
      ]);
    }
  });
  afterAll(() => app.close());

  it('is a CSV file of a conforming dataset: purchase, covered usage, overage', async () => {
    const answer = await app.call('GET /v1/exports/focus.csv?period=2026-11&entity=entity1');
    expect([
      answer.status,
      answer.headers.get('content-type'),
      answer.headers.get('content-disposition'),
    ]).toEqual([
      200,
      'text/csv; charset=utf-8; header=present',
      'attachment; filename="focus-2026-11-entity1.csv"',
    ]);
    expect(checkFocus(answer.text)).toEqual([]);
    const rows = readFocus(answer.text);
    expect(
      rows.map((row) => [row['ChargeCategory'], row['SkuId'], row['BilledCost'], row['EffectiveCost']]),
    ).toEqual([
      ['Purchase', 'prepaid-credits', '1', '0'],
      ['Usage', '%40cmd-input', '0', '0'],
      ['Usage', '%40cmd-cached-input', '0', '0'],
      ['Usage', '%40cmd-output', '0', '0'],
      ['Usage', `${LLAMA}-input`, '0.21', '0.71'],
      ['Usage', `${LLAMA}-output`, '0.21', '0.71'],
    ]);
    expect(rows[0]?.['ChargeDescription']).toBe('Prepaid credits: =inv,42');
  });

  it('has every entity for an unbound key, and only its own for a bound key', async () => {
    const accountsOf = async (key: string, query = '') => {
      const { text } = await app.call(`GET /v1/exports/focus.csv?period=2026-11${query}`, { key });
      return [...new Set(readFocus(text).map((row) => row['BillingAccountId']))];
    };
    expect(await accountsOf(await app.key('finance'))).toEqual(['entity1', 'entity2']);
    expect(await accountsOf(await app.key('finance', 'entity2'))).toEqual(['entity2']);
    const foreign = await app.call('GET /v1/exports/focus.csv?period=2026-11&entity=entity1', {
      key: await app.key('finance', 'entity2'),
    });
    expect(foreign.status).toBe(403);
  });

  it('says the same a range of entities at a time as at once', async () => {
    const linesOf = async (entitiesMax: number) => {
      const exports = new FocusExports(app.database.lagging, { name: 'Tally', address: null });
      const csv = await exports.open({ period: '2026-11' as Period, entity: null }, { entitiesMax });
      return (await text(csv)).split('\r\n').toSorted();
    };
    const atOnce = await linesOf(1_000);
    expect(await linesOf(1)).toEqual(atOnce);
    expect(atOnce.length).toBeGreaterThan(8);
  });

  it('shows beside an agreed price what the list asks of the tier, each under a SKU price of its own', async () => {
    const agreed = { ...MIXED_PRICE, entity: 'agreed', input_usd_per_million: '2', variants: undefined };
    await app.call('PUT /v1/admin/entities/agreed', { body: { plan: 'free' } });
    expect((await app.call('POST /v1/admin/prices', { body: agreed })).status).toBe(201);
    await recordMixedUsage(app, 'agreed');
    const { text } = await app.call('GET /v1/exports/focus.csv?period=2026-11&entity=agreed');
    expect(checkFocus(text)).toEqual([]);
    const rows = readFocus(text).filter((row) => row['SkuId'] === `${MIXED}-input`);
    expect(
      rows.map((row) => [
        row['x_ServiceTier'],
        row['ContractedUnitPrice'],
        row['ListUnitPrice'],
        row['ListCost'],
      ]),
    ).toEqual([
      ['batch', '2', '1.5', '0.0015'],
      ['default', '2', '3', '0.003'],
    ]);
    expect(new Set(rows.map((row) => row['SkuPriceId'])).size).toBe(2);
  });

  it('of an empty month is a header', async () => {
    const { text } = await app.call('GET /v1/exports/focus.csv?period=2020-01');
    expect(text).toMatch(/^BilledCost,[A-Za-z,_]*\r\n$/);
  });

  it.each(['', '?period=2026-13', '?period=2026-11&entity=no/name', '?period=2026-11&x=1'])(
    'refuses %j with a 400',
    async (query) => {
      expect((await app.call(`GET /v1/exports/focus.csv${query}`)).status).toBe(400);
    },
  );

  describe('of more than memory should hold', () => {
    const GROUPS = 20_000;
    beforeAll(async () => {
      await app.postgres.pool.query(
        `with entity as (
           insert into entities (name, plan, created_at) values ('large', 'pro', '2026-10-01T00:00:00Z')
         ), series as (
           insert into usage_series (entity, project, model, operation, service_tier)
           select 'large', 'p' || n, $1, 'chat', 'default' from generate_series(1, $2::integer) n
           returning id, substr(project, 2)::integer as n
         )
         insert into usage_hourly (
           entity, hour, series_id, period, rate_id,
           requests, input_tokens, cached_input_tokens, output_tokens, reasoning_tokens, cost_picos
         )
         select 'large', '2026-10-05T07:00:00Z', s.id, '2026-10', r.id, 1, n, n, n, 0,
           cost_at(r.unit_prices, 1, n, n, n, 0, null)
         from series s, rates r join prices p on p.id = r.price_id where p.model = $1`,
        [LLAMA, GROUPS],
      );
    });

    it('arrives complete', async () => {
      const { text } = await app.call('GET /v1/exports/focus.csv?period=2026-10');
      const rows = readFocus(text);
      expect(rows.length).toBe(3 * GROUPS);
      expect(sumPicos(rows, 'BilledCost')).toBe(3n * 710_000n * BigInt((GROUPS * (GROUPS + 1)) / 2));
    });

    /** Opens a connection of its own and reads nothing until it is asked to. */
    const open = async (): Promise<IncomingMessage> => {
      const headers = { authorization: `Bearer ${app.adminKey}` };
      const request = get(`${app.url}/v1/exports/focus.csv?period=2026-10`, { agent: false, headers });
      const [answer] = await once(request, 'response');
      return answer;
    };
    const cursors = async (): Promise<number> => {
      const { rows } = await app.postgres.pool.query(
        `select pid from pg_stat_activity
         where datname = current_database() and pid <> pg_backend_pid() and query like '%rows_to_read%'`,
      );
      return rows.length;
    };

    it('waits for its reader, runs at most twice at a time, and ends when its reader disconnects', async () => {
      const [first, second] = [await open(), await open()];
      await until('both are under way', async () => (await cursors()) === 2);
      const third = await open();
      expect([third.statusCode, third.headers['retry-after']]).toEqual([429, '1']);
      for (const answer of [first, second, third]) answer.destroy();
      await until('nothing is left open', async () => (await cursors()) === 0);
      await until('there is room again', async () => {
        const again = await open();
        again.destroy();
        return again.statusCode === 200;
      });
      await until('nothing is left open', async () => (await cursors()) === 0);
    });

    it('breaks off when it loses the database, so that nobody mistakes a part for the whole', async () => {
      const answer = await open();
      await until('it is under way', async () => (await cursors()) === 1);
      const { rows } = await app.postgres.pool.query(
        `select pg_terminate_backend(pid) as ended from pg_stat_activity
         where datname = current_database() and pid <> pg_backend_pid() and query like '%rows_to_read%'`,
      );
      expect(rows).toEqual([{ ended: true }]);
      await expect(text(answer)).rejects.toThrow('aborted');
      expect((await app.call('GET /v1/exports/focus.csv?period=2020-01')).status).toBe(200);
    });
  });
});
