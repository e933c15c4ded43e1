/** Batches, decisions, errors, clocks, versions and servers: of the process that answers. */
import { useQuery } from '@tanstack/react-query';
import type { ReactNode } from 'react';
import { answered, api, type Schemas } from '../../api/client.js';
import { asApiError } from '../../api/errors.js';
import { Awaited } from '../../parts/awaited.js';
import { Badge } from '../../parts/badge.js';
import { groupDigits } from '../../parts/money.js';
import { labelIn, metrics, sumOf, sumsBy, type Sample } from './metrics.js';

const LOOK_AGAIN_MS = 15_000;

export function ServiceFigures() {
  const figures = useQuery({ ...metrics(), refetchInterval: LOOK_AGAIN_MS });
  return (
    <>
      <Awaited of={figures} lines={6}>
        {(samples) => (
          <div className="grid narrow">
            <Decisions samples={samples} />
            <Counting samples={samples} />
            <Errors samples={samples} />
            <Service samples={samples} />
          </div>
        )}
      </Awaited>
      <p className="quiet">
        Decisions, counting and errors are those of the process that answered, since it started; Prometheus
        adds up all of them from <code>/metrics</code>.
      </p>
    </>
  );
}

function Figures({
  title,
  rows,
  children,
}: {
  title: string;
  rows: readonly (readonly [string, ReactNode])[];
  children?: ReactNode;
}) {
  return (
    <section className="card stack" aria-label={title}>
      <h2>{title}</h2>
      {rows.length === 0 && children === undefined && <p className="quiet">None yet.</p>}
      <dl className="facts figures">
        {rows.map(([label, value]) => (
          <Row key={label} label={label} value={value} />
        ))}
      </dl>
      {children}
    </section>
  );
}

function Row({ label, value }: { label: string; value: ReactNode }) {
  return (
    <>
      <dt>{label}</dt>
      <dd className="number">{value}</dd>
    </>
  );
}

function counts(sums: readonly [string, number][]): [string, string][] {
  return sums.map(([name, sum]) => [name.replaceAll('_', ' '), groupDigits(Math.round(sum))]);
}

const ALLOWED = 'Allowed';

function Decisions({ samples }: { samples: readonly Sample[] }) {
  return (
    <Figures
      title="Decisions"
      rows={counts(sumsBy(samples, 'tally_quota_decisions_total', 'decision'))
        .map(([decision, sum]): [string, string] => [
          decision === 'allowed' ? ALLOWED : `Limit reached: ${decision}`,
          sum,
        ])
        .toSorted(([a], [b]) => Number(b === ALLOWED) - Number(a === ALLOWED))}
    />
  );
}

function Counting({ samples }: { samples: readonly Sample[] }) {
  const batches = sumOf(samples, 'tally_usage_batch_duration_seconds_count');
  const seconds = sumOf(samples, 'tally_usage_batch_duration_seconds_sum');
  const events = sumOf(samples, 'tally_usage_batch_events_sum');
  const failed = sumOf(samples, 'tally_usage_batch_duration_seconds_count', { outcome: 'failed' });
  const rows: [string, string][] =
    batches === 0
      ? []
      : [
          ['Batches', groupDigits(batches)],
          ['Events in a batch, on average', (events / batches).toFixed(1)],
          ['Time of a batch, on average', `${groupDigits(Math.round((1_000 * seconds) / batches))} ms`],
          ['Batches that failed', groupDigits(failed)],
        ];
  return (
    <Figures
      title="Counting"
      rows={[
        ...rows,
        ...counts(sumsBy(samples, 'tally_usage_events_total', 'outcome')).map(
          ([outcome, sum]): [string, string] => [`Events: ${outcome}`, sum],
        ),
      ]}
    />
  );
}

function Errors({ samples }: { samples: readonly Sample[] }) {
  const requests = samples.filter(({ name }) => name === 'tally_http_request_duration_seconds_count');
  const faults = requests
    .filter(({ labels }) => labels['status']?.startsWith('5'))
    .reduce((sum, { value }) => sum + value, 0);
  return (
    <Figures
      title="Errors"
      rows={[
        ['Requests answered', groupDigits(requests.reduce((sum, { value }) => sum + value, 0))],
        [
          'Of them server errors (5xx)',
          faults > 0 ? (
            <Badge key="faults" tone="bad">
              {groupDigits(faults)}
            </Badge>
          ) : (
            '0'
          ),
        ],
        ...counts(sumsBy(samples, 'tally_bad_keys_total', 'outcome')).map(([name, sum]): [string, string] => [
          `Keys: ${name}`,
          sum,
        ]),
        ...counts(sumsBy(samples, 'tally_refused_calls_total', 'code')).map(
          ([name, sum]): [string, string] => [`Refused: ${name}`, sum],
        ),
      ]}
    />
  );
}

function Service({ samples }: { samples: readonly Sample[] }) {
  const clocks = samples.filter(({ name }) => name === 'tally_clock_difference_seconds');
  return (
    <Figures
      title="Service"
      rows={[
        ['Version', labelIn(samples, 'tally_build_info', 'version') ?? '–'],
        ['Role', labelIn(samples, 'tally_build_info', 'role') ?? '–'],
        ['Schema', labelIn(samples, 'tally_schema_info', 'migration') ?? '–'],
        ...clocks.map(({ labels, value }): [string, string] => [
          `${clockName(labels['clock'])} clock`,
          ahead(value),
        ]),
      ]}
    >
      <Servers />
    </Figures>
  );
}

const CLOCKS: Readonly<Record<string, string>> = { process: 'Process', redis: 'Redis' };

function clockName(clock = ''): string {
  return CLOCKS[clock] ?? clock;
}

function ahead(seconds: number): string {
  if (Math.abs(seconds) < 0.001) return 'as that of Postgres';
  return `${Math.abs(seconds).toFixed(3)} s ${seconds > 0 ? 'ahead of' : 'behind'} Postgres’`;
}

function Servers() {
  const { data } = useQuery({ queryKey: ['/readyz'], queryFn: ready, refetchInterval: LOOK_AGAIN_MS });
  if (data === undefined) return null;
  return (
    <p className="row">
      <Badge tone={data.status === 'ok' ? 'good' : 'bad'}>{data.status}</Badge>
      {Object.entries(data.checks).map(([name, state]) => (
        <Badge key={name} tone={state === 'ok' ? 'plain' : 'bad'}>
          {name} {state === 'ok' ? 'ok' : 'unavailable'}
        </Badge>
      ))}
    </p>
  );
}

/** A service that is not ready says so with a 503, which is an answer too. */
async function ready(): Promise<Schemas['Ready']> {
  try {
    return await answered(api.GET('/readyz'));
  } catch (error) {
    const { status } = asApiError(error);
    return { status: status === 503 ? 'unavailable' : 'degraded', checks: {} };
  }
}
