/** The rules of deploy/prometheus with Prometheus' own tools: each alert fires on what it is for, alone, and none on a healthy hour. */
import { readdirSync, readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { parse, stringify } from 'yaml';
import { ALSO, FIRES, HEALTHY, PASSING, type SeriesOf } from '../../support/alert-series.js';
import { anApp, type TestApp } from '../../support/app.js';
import { aGateway, type TestGateway } from '../../support/gateway.js';
import { promtool, startPrometheus, type Prometheus } from '../../support/prometheus.js';
import { until } from '../../support/until.js';

const ROOT = resolve(import.meta.dirname, '../../..');
const RULES = join(ROOT, 'deploy/prometheus/alerts.yaml');

type Rule = {
  alert: string;
  expr: string;
  labels: { severity: string };
  annotations: { summary: string; runbook: string };
};
const rules = (parse(readFileSync(RULES, 'utf8')) as { groups: { rules: Rule[] }[] }).groups.flatMap(
  (group) => group.rules,
);

/** What fires at these minutes of the hour, at its end by default. `up` of a missing process is not asked for. */
function testOf(name: string, series: SeriesOf, firing: readonly string[], minutes = [60]): object {
  const input = Object.entries({ ...HEALTHY, ...series }).filter(([, values]) => values !== '_');
  const samples = firing.toSorted().map((alert) => ({ labels: `{alertname="${alert}"}`, value: 1 }));
  return {
    name,
    interval: '1m',
    input_series: input.map(([each, values]) => ({ series: each, values })),
    promql_expr_test: minutes.map((minute) => ({
      expr: 'count by (alertname) (ALERTS{alertstate="firing"})',
      eval_time: `${minute}m`,
      exp_samples: samples,
    })),
  };
}

describe('the alert rules', () => {
  let directory: string;
  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'tally-alerts-'));
  });
  afterAll(() => rm(directory, { recursive: true, force: true }));

  it('are valid', async () => {
    expect(await promtool(['check', 'rules', RULES])).toContain(`SUCCESS: ${rules.length} rules found`);
  });

  it('have a severity and a runbook that docs/operate.md has: what it means, where to look, what to do', () => {
    const docs = readFileSync(join(ROOT, 'docs/operate.md'), 'utf8');
    for (const { alert, labels, annotations } of rules) {
      expect(['critical', 'warning']).toContain(labels.severity);
      expect(annotations.runbook).toBe(`docs/operate.md#${alert.toLowerCase()}`);
      expect(docs).toMatch(
        new RegExp(
          `\n#### ${alert}\n\n- \\*\\*Means\\*\\*: .+\n- \\*\\*Look at\\*\\*: .+\n- \\*\\*Do\\*\\*: .+\n`,
        ),
      );
    }
    const described = [...docs.matchAll(/^#### (Tally\w+)$/gm)].map(([, name]) => name);
    expect(described).toEqual(rules.map(({ alert }) => alert));
  });

  it('none fires for a short outage that is over', async () => {
    const minutes = Array.from({ length: 21 }, (_, index) => 40 + index);
    const tests = Object.entries(PASSING).map(([what, series]) => testOf(what, series, [], minutes));
    const file = join(directory, 'passing.yaml');
    await writeFile(file, stringify({ rule_files: [RULES], evaluation_interval: '1m', tests }));
    expect(await promtool(['test', 'rules', file])).toContain('SUCCESS');
  });

  it('each fires on what it is for, alone, and none fires in a healthy hour', async () => {
    expect(Object.keys(FIRES).toSorted()).toEqual(rules.map(({ alert }) => alert).toSorted());
    const tests = [
      testOf('a healthy hour', {}, []),
      ...Object.entries(FIRES).map(([alert, series]) =>
        testOf(alert, series, [alert, ...(ALSO[alert] ?? [])]),
      ),
    ];
    const file = join(directory, 'tests.yaml');
    await writeFile(file, stringify({ rule_files: [RULES], evaluation_interval: '1m', tests }));
    expect(await promtool(['test', 'rules', file])).toContain('SUCCESS');
  });
});

describe('a real Prometheus over a real service and a gateway', () => {
  let app: TestApp;
  let gateway: TestGateway;
  let prometheus: Prometheus;
  beforeAll(async () => {
    app = await anApp({ role: 'all' });
    gateway = await aGateway(
      { url: app.url, apiKey: 'unused' },
      { env: { GATEWAY_LEASES: 'true', GATEWAY_METRICS_PORT: '0' } },
    );
    const targets = (url: string) => [{ targets: [new URL(url).host] }];
    prometheus = await startPrometheus(
      stringify({
        global: { scrape_interval: '1s', evaluation_interval: '1s' },
        rule_files: [RULES],
        scrape_configs: [
          {
            job_name: 'tally',
            authorization: { credentials: app.adminKey },
            static_configs: targets(app.url),
          },
          { job_name: 'gateways', static_configs: targets(gateway.metricsUrl!) },
        ],
      }),
    );
    await until('both were scraped', async () => {
      const { activeTargets } = await prometheus.ask('/api/v1/targets');
      return (
        activeTargets.length === 2 && activeTargets.every(({ health }: { health: string }) => health === 'up')
      );
    });
  });
  afterAll(async () => {
    await prometheus.stop();
    await gateway.close();
    await app.close();
  });

  it('knows every metric that rules and dashboards name, and finds their queries valid', async () => {
    const known = Object.keys(await prometheus.ask('/api/v1/metadata?limit_per_metric=1'));
    const names = new Set([
      'up',
      'ALERTS',
      ...known.flatMap((name) => ['', '_bucket', '_count', '_sum'].map((end) => name + end)),
    ]);
    const dashboards = readdirSync(join(ROOT, 'grafana/dashboards')).map((file) =>
      readFileSync(join(ROOT, 'grafana/dashboards', file), 'utf8'),
    );
    const queries = [
      ...rules.map(({ expr }) => expr),
      ...dashboards.flatMap((text) =>
        [...text.matchAll(/"expr": ("(?:[^"\\]|\\.)*")/g)].map(([, expr = '']) => JSON.parse(expr) as string),
      ),
    ];
    expect(queries.length).toBeGreaterThan(rules.length);
    const named = queries.flatMap(
      (query) => query.match(/\b(?:tally|nodejs|process)_[a-z0-9_]+\b|\bup\b/g) ?? [],
    );
    expect([...new Set(named)].filter((name) => !names.has(name))).toEqual([]);
    for (const query of queries) {
      const filled = query.replaceAll('$__rate_interval', '5m');
      const answer = await prometheus.ask(`/api/v1/query?query=${encodeURIComponent(filled)}`);
      expect(`${query}: ${answer?.resultType}`).toBe(`${query}: vector`);
    }
  });

  it('evaluates every rule without an error, and no critical alert fires', async () => {
    await until('every rule was evaluated', async () => {
      const { groups } = await prometheus.ask('/api/v1/rules');
      const all = groups.flatMap((group: { rules: { health: string }[] }) => group.rules);
      return all.length === rules.length && all.every(({ health }: { health: string }) => health === 'ok');
    });
    const { alerts } = await prometheus.ask('/api/v1/alerts');
    const critical = alerts.filter(
      ({ labels, state }: { labels: { severity: string }; state: string }) =>
        labels.severity === 'critical' && state === 'firing',
    );
    expect(critical).toEqual([]);
  });

  it('would take every metric of ours by its conventions for names', async () => {
    const { text } = await app.call('GET /metrics');
    const ours = text.replaceAll(/^(# (HELP|TYPE) )?(process|nodejs)_.*\n/gm, '');
    expect(await promtool(['check', 'metrics'], ours)).toBe('');
  });
});
