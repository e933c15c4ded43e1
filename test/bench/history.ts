/**
 * `npm run bench -- history`: whether a batch costs more when much was counted before it. Ten million events are counted, a million at a
 * time; then a hundred thousand customers with a year of roll-ups and spend each stand beside those that are counted.
 */
import pg from 'pg';
import type { Recorder } from '../../src/metering/recorder.js';
import { printBooks } from './books.js';
import { cpuEach, cpuOf, total, type Cpu } from './cpu.js';
import { eventsFrom, prepare, withRecorder, withServers, type BenchServers } from './ingest-servers.js';
import { FULL, usageOf } from './ingest-usage.js';
import { printTable } from './table.js';
import { printTargets } from './targets.js';

const PARTS = 10;
const BATCH = 1_000;
const LANES = 2;
/** Events that are made before they are counted, so that making them is not measured. */
const CHUNK = 20_000;
const OTHER_CUSTOMERS = 100_000;
const OTHER_MONTHS = 12;
/** Compiled and prepared by then. */
const WARM_EVENTS = 40_000;

type Part = { readonly name: string; readonly perSecond: number; readonly cpu: Cpu };

export async function benchHistory({ events }: { events: number }): Promise<void> {
  await withServers(async (servers) => {
    await prepare(servers);
    await withRecorder(servers, async ({ recorder }) => {
      await count(servers, recorder, { name: 'warm', events: WARM_EVENTS });
      const parts: Part[] = [];
      for (let part = 1; part <= PARTS; part += 1) {
        parts.push(
          await count(servers, recorder, { name: `part ${part} of ${PARTS}`, events: events / PARTS }),
        );
        console.log(
          `${part} of ${PARTS}: ${Math.round(parts.at(-1)!.perSecond).toLocaleString('en-US')} events/s`,
        );
      }
      await printBooks('Tally', servers);
      await addOthers(servers.databaseUrl);
      await count(servers, recorder, { name: 'warm', events: WARM_EVENTS });
      const beside = await count(servers, recorder, {
        name: `beside ${OTHER_CUSTOMERS} customers and their year`,
        events: events / PARTS,
      });
      print(parts, beside);
    });
  });
}

async function count(
  servers: BenchServers,
  recorder: Recorder,
  { name, events }: { name: string; events: number },
): Promise<Part> {
  const reading = () => cpuOf({ ...servers, pid: process.pid });
  let millis = 0;
  const cpu = { node: 0, postgres: 0, redis: 0 };
  for (let made = 0; made < events; made += CHUNK) {
    const lanes = spread(eventsFrom(usageOf(FULL, { events: CHUNK })));
    const [before, startedMs] = [await reading(), performance.now()];
    await Promise.all(lanes.map((lane) => record(recorder, lane)));
    millis += performance.now() - startedMs;
    const used = cpuEach(before, await reading(), 1);
    for (const process of ['node', 'postgres', 'redis'] as const) cpu[process] += used[process];
  }
  const each = (of: keyof Cpu) => cpu[of] / events;
  return {
    name,
    perSecond: (events / millis) * 1_000,
    cpu: { node: each('node'), postgres: each('postgres'), redis: each('redis') },
  };
}

type Events = ReturnType<typeof eventsFrom>;

/** An entity is always in the same lane, as in a worker. */
function spread(events: Events): Events[] {
  const lanes = Array.from({ length: LANES }, (): Events => []);
  for (const event of events) lanes[Number(event.entity.slice('bench-'.length)) % LANES]!.push(event);
  return lanes;
}

async function record(recorder: Recorder, events: Events): Promise<void> {
  for (let at = 0; at < events.length; at += BATCH) {
    let left = events.slice(at, at + BATCH);
    while (left.length > 0) left = [...(await recorder.record(left)).setAside];
  }
}

/** Written by SQL, as events of a hundred thousand customers would take too long: a batch sees only the rows. */
async function addOthers(databaseUrl: string): Promise<void> {
  const client = new pg.Client({ connectionString: databaseUrl });
  await client.connect();
  try {
    const each = [
      `insert into entities (name, plan, created_at)
       select 'other-' || n, 'pro', now() from generate_series(1, $1::integer) n`,
      `insert into projects (entity, name, created_at)
       select 'other-' || n, 'p', now() from generate_series(1, $1::integer) n`,
      `insert into usage_series (entity, project, model, operation, service_tier)
       select 'other-' || n, 'p', 'm', 'chat', 'default' from generate_series(1, $1::integer) n`,
      `insert into entity_spend (entity, period, cost_picos, burnt_picos, overage_picos)
       select 'other-' || n, to_char(now() - make_interval(months => m), 'YYYY-MM'), 0, 0, 0
       from generate_series(1, $1::integer) n, generate_series(0, ${OTHER_MONTHS - 1}) m`,
      `insert into project_spend (entity, period, project, cost_picos)
       select entity, period, 'p', 0 from entity_spend where entity like 'other-%' and $1::integer > 0`,
      `insert into usage_hourly (
         entity, hour, series_id, rate_id, period, requests, input_tokens, cached_input_tokens, output_tokens, reasoning_tokens, cost_picos
       )
       select s.entity, date_trunc('hour', now() - make_interval(months => m)), s.id, 0,
         to_char(now() - make_interval(months => m), 'YYYY-MM'), 1, 1, 0, 1, 0, 0
       from usage_series s, generate_series(0, ${OTHER_MONTHS - 1}) m where s.entity like 'other-%' and $1::integer > 0`,
    ];
    for (const sql of each) await client.query(sql, [OTHER_CUSTOMERS]);
    await client.query('analyze');
  } finally {
    await client.end();
  }
}

function print(parts: readonly Part[], beside: Part): void {
  const rows = [...parts, beside].map(({ name, perSecond, cpu }) => ({
    counted: name,
    'events/s': Math.round(perSecond),
    'Node, µs': cpu.node,
    'Postgres, µs': cpu.postgres,
    'Redis, µs': cpu.redis,
    'CPU, first = 1': total(cpu) / total(parts[0]!.cpu),
  }));
  printTable('Counting more and more, by the recorder alone: CPU an event', rows);
  const [first, last] = [parts[0]!, parts.at(-1)!];
  printTargets([
    { of: 'events/s of the last part to the first', measured: last.perSecond / first.perSecond, least: 0.85 },
    {
      of: 'CPU an event of the last part to the first',
      measured: total(last.cpu) / total(first.cpu),
      most: 1.15,
    },
    {
      of: 'CPU an event beside the other customers to before',
      measured: total(beside.cpu) / total(last.cpu),
      most: 1.2,
    },
  ]);
}
