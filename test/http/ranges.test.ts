import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { anApp, type TestApp } from '../support/app.js';
import { documentOf, operationsOf } from '../support/api-document.js';
import { resolved } from '../support/input-schemas.js';
import { ROUTES } from '../support/routes.js';

/** How a start and its end are called. */
const NAMES = [
  ['start_time', 'end_time'],
  ['from', 'to'],
  ['effective_at[gte]', 'effective_at[lt]'],
  ['effective_at', 'expires_at'],
] as const;

type Bounds = { route: string; where: 'query' | 'body'; start: string; end: string };

const AT = 1_796_000_000;

let app: TestApp;
let ranges: Bounds[];
beforeAll(async () => {
  app = await anApp();
  await app.call('PUT /v1/admin/entities/entity1', { body: { plan: 'free' } });
  const document = await documentOf(app);
  ranges = operationsOf(document).flatMap(([route, { parameters, requestBody }]) => {
    const body = requestBody?.content['application/json']?.schema;
    const fields = Object.keys(body === undefined ? {} : (resolved(document, body).properties ?? {}));
    const query = parameters.map(({ name }) => name);
    return NAMES.flatMap(([start, end]): Bounds[] => [
      ...(query.includes(start) && query.includes(end)
        ? [{ route, where: 'query' as const, start, end }]
        : []),
      ...(fields.includes(start) && fields.includes(end)
        ? [{ route, where: 'body' as const, start, end }]
        : []),
    ]);
  });
});
afterAll(() => app.close());

async function askFor({ route, where, start, end }: Bounds, from: number, to: number) {
  const { request, body = {}, headers = {} } = ROUTES.find((each) => each.route === route)!;
  const [verb, url = ''] = request.split(' ');
  const [path, before] = url.split('?');
  const query = new URLSearchParams(before);
  const bounds = { [start]: from, [end]: to };
  if (where === 'query') for (const [name, value] of Object.entries(bounds)) query.set(name, String(value));
  const sent = where === 'body' ? { ...(body as object), ...bounds } : body;
  const isRead = verb === 'GET';
  const call = `${verb} ${path}?${query.toString()}`;
  return app.call(call, { headers, waits: false, ...(isRead ? {} : { body: sent }) });
}

describe('a range of time', () => {
  it('is refused by the name of its end where that is not after its start, on every route that takes one', async () => {
    expect(ranges.length).toBeGreaterThan(20);
    for (const range of ranges)
      for (const to of [AT, AT - 1, AT - 86_400]) {
        const { status, body } = await askFor(range, AT, to);
        expect([range.route, to - AT, status, body.error?.param]).toEqual([
          range.route,
          to - AT,
          400,
          range.end,
        ]);
        expect([range.route, body.error.message]).toEqual([
          range.route,
          expect.stringContaining(`must lie after ${range.start}`),
        ]);
      }
  });

  it('may be as short as a second', async () => {
    for (const range of ranges) {
      const { status, text } = await askFor(range, AT, AT + 1);
      expect([range.route, status < 400, text.slice(0, 200)]).toEqual([range.route, true, expect.anything()]);
    }
  });
});
