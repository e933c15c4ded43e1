import { randomInt } from 'node:crypto';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { Random } from '../../simulation/random.js';
import type { RouteCase } from '../../support/routes.js';
import { ofEach } from '../../support/whole-customer-asks.js';
import { routesOf } from '../../support/whole-customer-routes.js';
import { Answers, type ApiDocument } from './answers.js';
import { aDryRun, type FuzzCase, type Materials } from './requests.js';
import { asText } from './smallest.js';
import { send } from './wire.js';
import { aWorld, type World } from './world.js';

/** In CI the seed comes from the commit; elsewhere every run tries another. */
const SEED = Number(process.env['TALLY_TEST_SEED'] ?? randomInt(2 ** 31));
const REQUESTS = 2_000;
const PROBLEMS_MAX = 5;

/** A busy machine takes ten times as long as a quiet one. */
const TEST_MS_MAX = 900_000;

/** The customers have all that these ask for; one that has nothing can be deleted. */
const EMPTY = 'nothing';
const DELETE_ENTITY = 'DELETE /v1/admin/entities/{entity}';

let world: World;
let materials: Materials;
let answers: Answers;
/** Of every call that the document gives a dry run. */
let routes: RouteCase[];

beforeAll(async () => {
  world = await aWorld();
  const { call } = world.service;
  await call(`PUT /v1/admin/entities/${EMPTY}`, { body: { plan: 'free' } });
  const document = (await call('GET /openapi.json')).body as ApiDocument;
  const hasDryRun = ({ route }: RouteCase): boolean => {
    const [verb = '', path = ''] = route.split(' ');
    const parameters = document.paths[path]?.[verb.toLowerCase()]?.parameters ?? [];
    return parameters.some(({ name }) => name === 'dry_run');
  };
  routes = [
    ...world.customers.flatMap((customer) => routesOf(customer)).filter(hasDryRun),
    { route: DELETE_ENTITY, role: 'admin', request: `DELETE /v1/admin/entities/${EMPTY}` },
  ];
  answers = new Answers(document, [...world.keys.values()]);
  materials = {
    document,
    keys: world.keys,
    ids: world.customers.flatMap((customer) => Object.values(customer.ids)),
  };
  await world.settled();
  await world.pauseUpkeep();
});
afterAll(() => world?.close());

it(
  `whatever a dry run is asked, nothing is written (seed ${SEED})`,
  async () => {
    const random = new Random(SEED);
    const before = await world.kept();
    const done = new Set<string | null>();
    const asked = Array.from({ length: REQUESTS }, () => aDryRun(random, materials, routes));
    const problems = await ofEach(asked, async (each: FuzzCase) => {
      const outcomes = await Promise.all(
        Array.from({ length: each.copies }, () => send(world.service.url, each.sent)),
      );
      if (outcomes.some((outcome) => typeof outcome === 'object' && outcome.status < 300))
        done.add(each.route);
      const problem = outcomes
        .map((outcome) => answers.problemOf(each, outcome))
        .find((found) => found !== null);
      return problem === undefined ? null : `${problem}\n${asText(each)}`;
    });
    expect(problems.slice(0, PROBLEMS_MAX).join('\n\n')).toBe('');
    expect(await world.kept()).toEqual(before);
    expect(await world.staleStates()).toEqual([]);
    // Each of them did what it would: a dry run that is always refused shows nothing.
    const all = new Set(routes.map(({ route }) => route));
    expect([...all].filter((route) => !done.has(route))).toEqual([]);
    // And what is written would have been seen.
    expect((await world.service.call(`DELETE /v1/admin/entities/${EMPTY}`)).status).toBe(200);
    expect(await world.kept()).not.toEqual(before);
  },
  TEST_MS_MAX,
);
