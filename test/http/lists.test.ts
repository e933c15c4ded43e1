import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { listsIn, type List } from '../support/api-lists.js';
import { aListWorld, ROWS, type ListWorld } from '../support/list-world.js';
import { ROUTES } from '../support/routes.js';

type Row = Readonly<Record<string, unknown>>;
type Page = { data: Row[]; first_id: string | null; last_id: string | null; has_more: boolean };

/** Lists whose path, header and query name no entity: a bound key sees its own entity's rows. */
const OF_A_KEY = ['GET /v1/admin/webhooks', 'GET /v1/admin/mail_deliveries', 'GET /v1/entities'];
/** Lists that concern no single entity. */
const OF_NOBODY = [
  'GET /v1/admin/plans',
  'GET /v1/admin/jobs',
  'GET /v1/admin/alerts',
  'GET /v1/admin/entities',
];
/** Always empty: Tally has nothing of the kind. */
const EMPTY = 'GET /v1/organization/projects/{project}/rate_limits';
/** A row a month, which is a handful: it has no pages, and refuses what asks for one. */
const WHOLE = 'GET /v1/admin/settings/retention/event_months';
/** By name or by expiry; webhooks are the one exception by time. All others are by time, newest first. */
const ASCENDING = [
  'GET /v1/admin/chains',
  'GET /v1/admin/entities',
  'GET /v1/admin/entities/{entity}/holds',
  'GET /v1/admin/entities/{entity}/projects',
  'GET /v1/admin/plans',
  'GET /v1/admin/prices',
  'GET /v1/admin/prices/unpriced',
  'GET /v1/admin/webhooks',
  'GET /v1/organization/projects',
  'GET /v1/organization/projects/{project}/rate_limits',
];
/** Its `sort` says in which direction. */
const SORTED = 'GET /v1/entities';
/** Rows that a page may show differently from one call to the next. */
const MOVING = new Set(['last_used_at', 'progress']);

let world: ListWorld;
/** From the document, so that a list that is added is tested too. */
let lists: List[];
beforeAll(async () => {
  world = await aListWorld();
  const { body: document } = await world.app.call('GET /openapi.json', { key: null });
  lists = listsIn(document).filter(({ route }) => route !== WHOLE);
});
afterAll(() => world.app.close());

/** A request to the list as an admin makes it, of one of the customers. */
function requestTo(route: string, entity = 'entity1'): { path: string; headers: Record<string, string> } {
  const found = ROUTES.find((each) => each.route === route);
  if (found === undefined) throw new Error(`${route} is not in test/support/routes.ts`);
  const path = found.request.split(' ')[1]!.split('?')[0]!;
  return {
    path: path.replace('hook_none', world.hooks.get(entity)!).replace('entity1', entity),
    headers: { 'openai-organization': entity },
  };
}

async function ask(route: string, query: Record<string, string>, of: { entity?: string; key?: string } = {}) {
  const { path, headers } = requestTo(route, of.entity);
  const key = of.key ?? world.app.adminKey;
  return world.app.call(`GET ${path}?${new URLSearchParams(query).toString()}`, { headers, key });
}

async function rowsBy(
  route: string,
  query: Record<string, string>,
  of: { entity?: string; key?: string } = {},
) {
  const rows: Row[] = [];
  const ids: string[] = [];
  for (let after: string | null = null; ;) {
    const answer = await ask(route, { ...query, ...(after !== null && { after }) }, of);
    expect([route, answer.status, answer.text.slice(0, 20)]).toEqual([route, 200, '{"object":"list","da']);
    const page: Page = answer.body;
    rows.push(...page.data);
    ids.push(...[page.first_id, page.last_id].filter((id) => id !== null));
    expect([route, page.data.length === 0, page.first_id === null]).toEqual([
      route,
      page.last_id === null,
      page.last_id === null,
    ]);
    if (!page.has_more) return { rows, ids: new Set(ids) };
    expect([route, page.last_id, page.data.length]).toEqual([route, page.last_id, Number(query['limit'])]);
    after = page.last_id;
  }
}

const still = (rows: readonly Row[]) =>
  rows.map((row) => Object.fromEntries(Object.entries(row).filter(([name]) => !MOVING.has(name))));

/** Ids of the same form that nothing has. */
function others(id: string): string[] {
  const places = Array.from(id).flatMap((character, index) => (/[a-zA-Z0-9]/.test(character) ? [index] : []));
  return [places.at(5) ?? 0, places.at(-1) ?? 0, places.at(Math.floor(places.length / 2)) ?? 0].map(
    (place) => id.slice(0, place) + (id[place] === '7' ? '6' : '7') + id.slice(place + 1),
  );
}

describe('every list', () => {
  const each = (test: (list: List) => Promise<void>) => async () => {
    expect(lists.length).toBeGreaterThan(25);
    for (const list of lists) await test(list);
  };

  it(
    'gives each row once, page by page, and the same rows as one large page',
    each(async ({ route, parameters }) => {
      expect([route, parameters.includes('limit'), parameters.includes('after')]).toEqual([
        route,
        true,
        true,
      ]);
      const one = await rowsBy(route, { limit: '1' });
      const large = await rowsBy(route, { limit: '100' });
      expect([route, still(one.rows)]).toEqual([route, still(large.rows)]);
      expect(one.ids.size).toBe(one.rows.length);
      expect([route, one.rows.length >= (route === EMPTY ? 0 : ROWS - 1)]).toEqual([route, true]);
    }),
  );

  it(
    'goes either way, page by page, and its document says which way it goes by itself',
    each(async ({ route, parameters, order }) => {
      const isSorted = route === SORTED;
      const hasOrder = [parameters.includes('order'), order === 'asc' || order === 'desc'];
      expect([route, ...hasOrder]).toEqual([route, !isSorted, !isSorted]);
      const ways = isSorted
        ? [{ sort: 'entity' }, { sort: '-entity' }]
        : [{ order: order! }, { order: order === 'asc' ? 'desc' : 'asc' }];
      const usual = await rowsBy(route, { limit: '100' });
      const either = [usual.rows, usual.rows.toReversed()];
      for (const [index, way] of ways.entries())
        for (const limit of ['1', '2', '100'])
          expect([route, way, still((await rowsBy(route, { ...way, limit })).rows)]).toEqual([
            route,
            way,
            still(either[index]!),
          ]);
      const [name] = Object.keys(ways[0]!);
      expect((await ask(route, { [name!]: 'upwards' })).body.error?.param).toBe(name);
    }),
  );

  it('by time goes newest first by itself, and only these go the other way', () => {
    const ascending = lists.filter(({ order }) => order === 'asc').map(({ route }) => route);
    expect(ascending.toSorted()).toEqual(ASCENDING);
  });

  it(
    'refuses a limit that is none',
    each(async ({ route }) => {
      for (const limit of [
        '0',
        '101',
        '-1',
        '1.5',
        'abc',
        '1e1',
        '',
        ' 1',
        '99999999999999999999',
        '1&limit=2',
      ]) {
        const { path, headers } = requestTo(route);
        const { status, body } = await world.app.call(`GET ${path}?limit=${limit}`, { headers });
        expect([route, limit, status, body.error?.param]).toEqual([route, limit, 400, 'limit']);
      }
    }),
  );

  it(
    'refuses a cursor that names none of its rows, whatever it looks like, in the same words',
    each(async ({ route }) => {
      const { ids } = await rowsBy(route, { limit: '1' });
      const forms = [...ids].slice(0, 2).flatMap(others);
      const cursors = [
        'none',
        '',
        '\u0000',
        '0',
        '-1',
        "' or 1=1",
        'é'.repeat(600),
        '999999999999999999',
        ...forms,
      ];
      for (const after of cursors.filter((cursor) => !ids.has(cursor))) {
        const { status, body } = await ask(route, { after });
        expect([route, after, status, body.error?.code, body.error?.message]).toEqual([
          route,
          after,
          400,
          'invalid_request',
          'after: must be the last_id of a page of this list',
        ]);
        expect(body.error.param).toBe('after');
      }
    }),
  );

  it(
    "refuses another entity's row as a cursor",
    each(async ({ route, parameters }) => {
      const isOfKey = OF_A_KEY.includes(route);
      if (route === EMPTY || OF_NOBODY.includes(route)) return;
      const filters = parameters.includes('entity') && !route.includes('{entity}');
      const query = (entity: string): Record<string, string> => (filters ? { entity } : {});
      const key = (entity: string) => (isOfKey ? { key: world.owners.get(entity)! } : {});
      const { ids } = await rowsBy(
        route,
        { limit: '1', ...query('entity2') },
        { entity: 'entity2', ...key('entity2') },
      );
      const own = await rowsBy(route, { limit: '1', ...query('entity1') }, key('entity1'));
      const foreign = [...ids].filter((id) => !own.ids.has(id));
      // Projects have the same names everywhere.
      expect([route, route.endsWith('/projects') || foreign.length > 0]).toEqual([route, true]);
      for (const after of foreign) {
        const { status, body } = await ask(route, { after, ...query('entity1') }, key('entity1'));
        expect([route, after, status, body.error?.param]).toEqual([route, after, 400, 'after']);
      }
    }),
  );
});

describe('a cursor is refused where the filter has no such row', () => {
  const EVENTS = 'GET /v1/entities/{entity}/events';
  it.each<[route: string, cursorOf: Record<string, string>, query: Record<string, string>]>([
    ['GET /v1/admin/dead_letters', { subject: 'entity1/project1' }, { subject: 'entity1/project2' }],
    ['GET /v1/admin/dead_letters', { code: 'code_1' }, { code: 'code_2' }],
    ['GET /v1/admin/usage_conflicts', { subject: 'entity1/project1' }, { subject: 'entity1/project2' }],
    ['GET /v1/admin/usage_corrections', { period: '2026-11' }, { period: '2026-10' }],
    ['GET /v1/admin/usage_corrections', { kind: 'void' }, { kind: 'rerate' }],
    ['GET /v1/admin/usage_corrections', {}, { from: '2027-01-01' }],
    ['GET /v1/admin/prices', { model: 'agreed-1' }, { model: 'agreed-2' }],
    ['GET /v1/admin/prices', { source: 'admin' }, { source: 'elsewhere' }],
    ['GET /v1/admin/prices/unpriced', { model: 'unpriced-1' }, { model: 'unpriced-2' }],
    ['GET /v1/admin/chains', { log: 'audit_log' }, { log: 'ledger_entries' }],
    ['GET /v1/admin/audit_log', { action: 'credits.grant' }, { action: 'keys' }],
    ['GET /v1/admin/audit_log', {}, { end_time: '1577836800' }],
    ['GET /v1/admin/jobs', { kind: 'reconciliation' }, { kind: 'price_import' }],
    ['GET /v1/admin/keys', { role: 'owner' }, { role: 'gateway' }],
    ['GET /v1/entities', { search: 'entity1' }, { search: 'entity2' }],
    ['GET /v1/entities/{entity}/denials', {}, { denied_by: 'concurrency' }],
    ['GET /v1/admin/entities/{entity}/ledger', { kind: 'purchase' }, { kind: 'void' }],
    ['GET /v1/admin/entities/{entity}/ledger', {}, { grant: 'grant_none' }],
    ['GET /v1/organization/audit_logs', {}, { 'effective_at[lt]': '1577836800' }],
    [EVENTS, { project: 'project1' }, { project: 'project2' }],
    [EVENTS, { model: 'unpriced-1' }, { model: 'unpriced-2' }],
    [EVENTS, {}, { start_time: '1796083200', end_time: '1796083201' }],
  ])('%s: a row of %j, asked with %j', async (route, cursorOf, query) => {
    const { body } = await ask(route, { ...cursorOf, limit: '1' });
    expect((await ask(route, { ...cursorOf, after: body.last_id })).status).toBe(200);
    const refused = await ask(route, { ...query, after: body.last_id });
    expect([refused.status, refused.body.error?.param]).toEqual([400, 'after']);
  });
});

it('a list without pages says so, and refuses a limit and a cursor', async () => {
  const { body } = await ask(WHOLE, {});
  expect(Object.keys(body)).toEqual(['object', 'data', 'first_id', 'last_id', 'has_more']);
  expect(body.has_more).toBe(false);
  for (const name of ['limit', 'after']) {
    const refused = await ask(WHOLE, { [name]: '1' });
    expect([refused.status, refused.body.error?.param]).toEqual([400, name]);
  }
});

describe('a cursor stays good', () => {
  it('where the row has another status than the page before had', async () => {
    const { app } = world;
    const { body } = await ask('GET /v1/admin/dead_letters', {
      entity: 'entity2',
      status: 'open',
      limit: '1',
    });
    await app.call(`POST /v1/admin/dead_letters/${body.last_id}/discard`);
    const query = { entity: 'entity2', status: 'open', after: body.last_id };
    expect((await ask('GET /v1/admin/dead_letters', query)).body.data).toHaveLength(ROWS - 1);
  });

  it('where what waited for a price has one meanwhile', async () => {
    const { app } = world;
    const { body } = await ask('GET /v1/admin/prices/unpriced', { entity: 'entity2', limit: '1' });
    const price = { input_usd_per_million: '1', output_usd_per_million: '1', effective_from: '2026-11-01' };
    await app.call('POST /v1/admin/prices', { body: { model: body.data[0].model, ...price } });
    await ask('GET /v1/admin/prices/unpriced', { entity: 'entity2' });
    const rest = await ask('GET /v1/admin/prices/unpriced', { entity: 'entity2', after: body.last_id });
    expect(rest.body.data).toHaveLength(ROWS - 1);
  });
});
