import { readdirSync, readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type pg from 'pg';
import { anApp, type TestApp } from './support/app.js';
import { anEvent, LLAMA } from './support/builders.js';
import { aGateway } from './support/gateway.js';
import { leaseId } from './support/leases.js';
import { loginAsReader } from './support/reporting-reader.js';
import { recordUsage } from './support/usage.js';

type Target = { refId: string; datasource: { uid: string }; rawSql?: string; expr?: string };
type Panel = {
  id: number;
  title: string;
  datasource: { uid: string };
  gridPos: { x: number; y: number; w: number; h: number };
  targets: Target[];
};
type Variable = { name: string; query: string };
type Dashboard = { uid: string; title: string; panels: Panel[]; templating: { list: Variable[] } };

const FOLDER = new URL('../grafana/', import.meta.url);
const dashboards = readdirSync(new URL('dashboards/', FOLDER)).map((file): Dashboard =>
  JSON.parse(readFileSync(new URL(`dashboards/${file}`, FOLDER), 'utf8')),
);
const datasources = readFileSync(new URL('provisioning/datasources/tally.yaml', FOLDER), 'utf8');

const queries = dashboards.flatMap(({ title, panels }) =>
  panels.flatMap((panel) => panel.targets.map((target) => ({ ...target, name: `${title}: ${panel.title}` }))),
);

/** What Grafana puts in place of its variables and macros; the entity is named to break out of quotes. */
function filledIn(rawSql: string): string {
  return rawSql
    .replaceAll('${entity:sqlstring}', `'entity1','it''s'`)
    .replaceAll(/\$__timeFilter\(((?:[^()]|\([^()]*\))*)\)/g, `$1 between '2026-11-01' and '2026-12-01'`);
}

describe('the dashboards', () => {
  let app: TestApp;
  let reader: pg.Client;
  let metrics: string;
  beforeAll(async () => {
    app = await anApp({ role: 'all' });
    await app.call('PUT /v1/admin/entities/entity1', { body: { plan: 'free' } });
    await app.call('POST /v1/admin/entities/entity1/credits', { body: { amount_usd: '5' } });
    await recordUsage(app, [anEvent(), anEvent({ model: 'unknown' })]);
    await app.call('POST /v1/usage/events', { body: [{}] });
    await app.call('GET /v1/quota/check', { headers: { 'openai-project': 'entity1/project1' } });
    await app.call('POST /v1/quota/reservations', { body: { project: 'entity1/project1', model: LLAMA } });
    reader = await loginAsReader(app.postgres.url);
    await app.call(`POST /v1/quota/leases/${leaseId()}/release`, { body: { project: 'entity1/project1' } });
    metrics = (await app.call('GET /metrics')).text + (await metricsOfAGateway(app));
  });
  afterAll(async () => {
    await reader.end();
    await app.close();
  });

  it('are two, and their panels have ids of their own and do not lie on each other', () => {
    expect(dashboards.map(({ uid }) => uid)).toEqual(['tally-finance', 'tally-operations']);
    for (const { panels } of dashboards) {
      expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length);
      const cells = panels.flatMap(({ gridPos: { x, y, w, h } }) =>
        Array.from({ length: w * h }, (_, n) => `${x + (n % w)}/${y + Math.floor(n / w)}`),
      );
      expect(new Set(cells).size).toBe(cells.length);
      expect(panels.filter(({ gridPos: { x, w } }) => x + w > 24)).toEqual([]);
    }
  });

  it('read only from data sources that are provisioned, without a password in the repository', () => {
    const provisioned = [...datasources.matchAll(/uid: (\S+)/g)].map(([, uid]) => uid);
    const used = dashboards.flatMap(({ panels }) =>
      panels.flatMap(({ datasource, targets }) => [
        datasource.uid,
        ...targets.map((one) => one.datasource.uid),
      ]),
    );
    expect(used.filter((uid) => !provisioned.includes(uid))).toEqual([]);
    expect(datasources).toContain('user: tally_reader');
    expect(/password: (.*)/.exec(datasources)?.[1]).toBe('$TALLY_READER_PASSWORD');
  });

  it.each(queries.filter(({ rawSql }) => rawSql !== undefined))(
    '$name: its SQL runs as the role that reads it',
    async ({ rawSql = '' }) => {
      const sql = filledIn(rawSql);
      expect(sql).not.toContain('$');
      const { fields } = await reader.query(sql);
      expect(fields.length).toBeGreaterThan(0);
    },
  );

  it('fill their variables with SQL that runs as that role', async () => {
    const variables = dashboards.flatMap(({ templating }) => templating.list);
    expect(variables.map(({ name }) => name)).toEqual(['entity']);
    for (const { query } of variables)
      expect((await reader.query(query)).rows).toEqual([{ entity: 'entity1' }]);
  });

  it('show the figures of the books', async () => {
    const shown = async (title: string): Promise<unknown> => {
      const target = queries.find(({ name }) => name.endsWith(`: ${title}`));
      const { rows } = await reader.query({ text: filledIn(target?.rawSql ?? ''), rowMode: 'array' });
      return rows;
    };
    expect(await shown('Credits left')).toEqual([['4.999893500000']]);
    expect(await shown('Usage without a price')).toEqual([['entity1', 'unknown', '1', expect.anything()]]);
  });

  it.each(queries.filter(({ expr }) => expr !== undefined))(
    '$name: its metrics and labels are in /metrics',
    ({ expr = '' }) => {
      const [names, labels] = namesOf(expr);
      expect(names.length).toBeGreaterThan(0);
      const exported = [...metrics.matchAll(/^# TYPE (\S+) (\S+)$/gm)].flatMap(([, name = '', type]) =>
        type === 'histogram' ? ['_bucket', '_count', '_sum'].map((suffix) => name + suffix) : [name],
      );
      expect(names.filter((name) => !exported.includes(name))).toEqual([]);
      const known = new Set([...metrics.matchAll(/[{,]([a-z_]+)="/g)].map(([, label]) => label));
      expect(labels.filter((label) => !known.has(label))).toEqual([]);
    },
  );
});

async function metricsOfAGateway({ url }: TestApp): Promise<string> {
  const env = { GATEWAY_LEASES: 'true', GATEWAY_METRICS_PORT: '0' };
  const gateway = await aGateway({ url, apiKey: 'unused' }, { env });
  const text = await (await fetch(gateway.metricsUrl!)).text();
  await gateway.close();
  return text;
}

/** The metrics and the labels that a PromQL expression names. */
function namesOf(expr: string): [string[], string[]] {
  const labels = [...expr.matchAll(/\b(?:by|without) \(([^)]*)\)|\{([^}]*)\}/g)].flatMap(
    ([, grouped, matched]) =>
      grouped !== undefined
        ? grouped.split(', ')
        : [...(matched ?? '').matchAll(/([a-z_]+)[=!]/g)].map(([, label = '']) => label),
  );
  const bare = expr.replaceAll(/\b(?:by|without) \([^)]*\)|\{[^}]*\}|\[[^\]]*\]/g, '');
  const names = [...bare.matchAll(/[a-z][a-z0-9_]*(?![a-z0-9_]*\s*\()/g)].map(([name]) => name);
  return [names.filter((name) => !/^(sum|topk|rate|e)$/.test(name)), labels];
}
