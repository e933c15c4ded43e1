/**
 * `npm run simulate -- [--seed N] [--seeds N] [--minutes M] [--steps N] [--rounds N] [--storm]`: histories for as long as you like, one
 * seed after the other, each through time (400 steps) and through faults (10 rounds, none with `--rounds 0`); in the end, what was broken
 * and how often it met work in flight. `--storm` kills 20 workers under 50,000 events.
 */
import { randomInt } from 'node:crypto';
import { join } from 'node:path';
import { isDeepStrictEqual, parseArgs } from 'node:util';
import { printTable } from '../bench/table.js';
import { killStorm } from '../support/kill-storm.js';
import serversDown from '../support/servers-down.js';
import serversUp from '../support/servers-up.js';
import { Disasters, type FaultCount } from './disasters.js';
import { FAULTS } from './faults.js';
import { MOMENTS } from './staging.js';
import type { Extent } from './model.js';
import { TimeTravel } from './time-travel.js';
import { TURNS, type Turn } from './turns.js';

const APIS = 2;
const STORM = { events: 50_000, kills: 20 };

const { values } = parseArgs({
  options: {
    seed: { type: 'string' },
    seeds: { type: 'string' },
    minutes: { type: 'string' },
    steps: { type: 'string', default: '400' },
    rounds: { type: 'string', default: '10' },
    storm: { type: 'boolean', default: false },
  },
});
const [stepsMax, roundsMax] = [Number(values.steps), Number(values.rounds)];
const first = Number(values.seed ?? randomInt(2 ** 31));
const endMs = performance.now() + Number(values.minutes ?? 0) * 60_000;
const seedCount = Number(values.seeds ?? (values.minutes === undefined ? 1 : Infinity));
const counts = new Map<string, FaultCount>(
  [...Object.keys(FAULTS), ...MOMENTS].map((name) => [name, { injected: 0, hit: 0 }]),
);
const turns = new Map<Turn, number>(TURNS.map((turn) => [turn, 0]));
/** Of all histories of a kind. */
type Sum = { histories: number; steps: number; events: number; corrections: number; 'months closed': number };
const sums = new Map<string, Sum>();
const made = new Map<string, number>();
const isLate = () => values.minutes !== undefined && performance.now() > endMs;

await serversUp({ rootDir: join(import.meta.dirname, '../..') });
try {
  if (values.storm) await storm();
  else for (let seed = first; seed < first + seedCount && !isLate(); seed += 1) await history(seed);
} catch (error) {
  process.exitCode = 1;
  console.error(error);
} finally {
  await serversDown();
}
if (!values.storm) {
  printTable(
    'Histories',
    [...sums].map(([through, sum]) => ({ through, ...sum })),
  );
  printTable(
    'Changes',
    [...made].map(([change, times]) => ({ change, times })),
  );
  printTable(
    'Turns of time',
    [...turns].map(([turn, times]) => ({ turn, times })),
  );
  printTable(
    'Faults',
    [...counts].map(([fault, { injected, hit }]) => ({ fault, injected, 'met work in flight': hit })),
  );
}

async function history(seed: number): Promise<void> {
  console.log(`seed ${seed}`);
  const times = new TimeTravel(seed, turns);
  const steps = await times.run((step) => step >= stepsMax || isLate());
  console.log(`  through time: ${steps} steps, ${said(times.extent)}, until ${times.now}`);
  count('time', { steps, ...times.extent });
  if (isLate() || roundsMax === 0) return;
  const disasters = new Disasters(seed, counts, APIS);
  const rounds = await disasters.run((round) => round >= roundsMax || isLate());
  console.log(`  through faults: ${rounds} rounds, ${said(disasters.extent)}`);
  count('faults, in rounds', { steps: rounds, ...disasters.extent });
}

function count(
  kind: string,
  { steps, events, corrections, closed, made: also }: Extent & { steps: number },
): void {
  const sum = sums.get(kind) ?? { histories: 0, steps: 0, events: 0, corrections: 0, 'months closed': 0 };
  sums.set(kind, {
    histories: sum.histories + 1,
    steps: sum.steps + steps,
    events: sum.events + events,
    corrections: sum.corrections + corrections,
    'months closed': sum['months closed'] + closed,
  });
  for (const [change, times] of also) made.set(change, (made.get(change) ?? 0) + times);
}

function said({ events, corrections, closed }: Extent): string {
  return `${events} events, ${corrections} corrections, ${closed} months closed`;
}

async function storm(): Promise<void> {
  const result = await killStorm({ ...STORM, seed: first });
  const isExact =
    isDeepStrictEqual(result.counted, result.sent) &&
    isDeepStrictEqual(result.spent, result.sent) &&
    result.identities === STORM.events &&
    result.differences.length === 0;
  console.log(`seed ${first}: ${result.kills} kills, ${result.killedAtWork} of them with jobs at work`);
  console.log(
    `${STORM.events} events, each sent twice: ${isExact ? 'every sum is exact' : 'THE SUMS DIFFER'}`,
  );
  if (!isExact) throw new Error(JSON.stringify(result, null, 2));
}
