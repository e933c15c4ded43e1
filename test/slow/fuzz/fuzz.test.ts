import { randomInt } from 'node:crypto';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { Random } from '../../simulation/random.js';
import { ROUTES } from '../../support/routes.js';
import { Answers, type ApiDocument } from './answers.js';
import { aRequest, type FuzzCase, type Materials } from './requests.js';
import { asText, smallestOf } from './smallest.js';
import { send } from './wire.js';
import { aWorld, type World } from './world.js';

/** In CI the seed comes from the commit; elsewhere every run tries another. */
const SEED = Number(process.env['TALLY_TEST_SEED'] ?? randomInt(2 ** 31));
const REQUESTS = 20_000;
const AT_ONCE = 8;

/** Each told once; more than this of no run. */
const PROBLEMS_MAX = 5;

/** What the process may grow by, from when it is warm. */
const GROWTH_BYTES_MAX = 300 * 1024 * 1024;
const WARM_REQUESTS = REQUESTS / 4;

/** A busy machine takes ten times as long as a quiet one. */
const TEST_MS_MAX = 1_200_000;

const REACHED_MIN = 0.6;

let world: World;
let document: ApiDocument;
let answers: Answers;
let materials: Materials;

beforeAll(async () => {
  world = await aWorld();
  document = (await world.service.call('GET /openapi.json')).body as ApiDocument;
  answers = new Answers(document, [...world.keys.values()]);
  const ids = world.customers.flatMap((customer) => Object.values(customer.ids));
  materials = { document, keys: world.keys, ids };
});
afterAll(() => world?.close());

/** How often each route did what it was asked. */
const done = new Map<string, number>();

async function problemOf(asked: FuzzCase): Promise<string | null> {
  const copies = Array.from({ length: asked.copies }, () => send(world.service.url, asked.sent));
  const outcomes = await Promise.all(copies);
  for (const outcome of outcomes)
    if (asked.route !== null && typeof outcome === 'object' && outcome.status < 300)
      done.set(asked.route, (done.get(asked.route) ?? 0) + 1);
  const problems = outcomes.map((outcome) => answers.problemOf(asked, outcome));
  return problems.find((problem) => problem !== null) ?? null;
}

type Found = { readonly asked: FuzzCase; readonly problem: string };

/** Sends `count` requests, eight at a time, and returns those that were answered wrong. */
async function sendAll(random: Random, count: number, found: Found[]): Promise<void> {
  let left = count;
  const sendOn = async (): Promise<void> => {
    while (left > 0 && found.length < PROBLEMS_MAX) {
      const asked = aRequest(random, materials);
      left -= asked.copies;
      const problem = await problemOf(asked);
      if (problem !== null && !found.some((known) => known.problem === problem))
        found.push({ asked, problem });
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, sendOn));
}

async function report({ asked, problem }: Found): Promise<string> {
  const smallest = await smallestOf(asked, async (smaller) => (await problemOf(smaller)) === problem);
  const note = smallest === null ? ' (alone it is answered well)' : '';
  return `${problem}${note}\n${asText(smallest ?? asked)}`;
}

it(
  `whatever is sent is answered by the document, tells no secret and leaves the books in order (seed ${SEED})`,
  async () => {
    const random = new Random(SEED);
    const found: Found[] = [];
    await sendAll(random, WARM_REQUESTS, found);
    const warm = world.memoryBytes();
    await sendAll(random, REQUESTS - WARM_REQUESTS, found);
    const grown = world.memoryBytes() - warm;
    const reports: string[] = [];
    for (const each of found) reports.push(await report(each));
    expect(reports.join('\n\n')).toBe('');
    expect(grown).toBeLessThan(GROWTH_BYTES_MAX);
    // Most routes were really reached behind their doors.
    expect(done.size).toBeGreaterThan(ROUTES.length * REACHED_MIN);
    await world.settled();
    expect(await world.differences()).toEqual([]);
    expect(await world.staleStates()).toEqual([]);
    expect(world.service.isRunning).toBe(true);
    expect(world.service.log()).not.toContain(materials.keys.get('admin'));
  },
  TEST_MS_MAX,
);
