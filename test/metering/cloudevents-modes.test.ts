/** CloudEvents over HTTP in each form of its binding: what is accepted is counted, and nothing is accepted for nothing. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { anApp, type TestApp } from '../support/app.js';
import { anEventBody } from '../support/builders.js';
import { until } from '../support/until.js';

let app: TestApp;
let key: string;
beforeAll(async () => {
  app = await anApp({ role: 'all' });
  key = await app.key('gateway');
});
afterAll(() => app.close());

type Event = ReturnType<typeof anEventBody>;

const post = (body: unknown, headers: Record<string, string>) =>
  app.call('POST /v1/usage/events', { body, headers, key });
const counted = async (subject: string) => {
  const [entity, project] = subject.split('/');
  const sql = 'select id, cost_picos::text as cost from rated_events where entity = $1 and project = $2';
  return (await app.postgres.pool.query(sql, [entity, project])).rows;
};
const COST = '106500000';

/** The headers and the body of an event in binary mode. */
const binary = (
  { data, ...attributes }: Event,
  type = 'application/json',
  encode: (text: string) => string = encodeURIComponent,
) => ({
  headers: {
    'content-type': type,
    ...Object.fromEntries(
      Object.entries(attributes).map(([name, value]) => [`ce-${name}`, encode(String(value))]),
    ),
  },
  body: JSON.stringify(data),
});
const base64 = (data: unknown) => Buffer.from(JSON.stringify(data)).toString('base64');
const without = (event: Event): Event => ({ ...event, data: undefined });

const forms: [string, (event: Event) => { body: unknown; headers: Record<string, string> }][] = [
  ['structured', (event) => ({ body: event, headers: { 'content-type': 'application/cloudevents+json' } })],
  [
    'structured, with a charset',
    (event) => ({ body: event, headers: { 'content-type': 'application/cloudevents+json; charset=UTF-8' } }),
  ],
  [
    'structured, in other letters and with a quoted charset',
    (event) => ({ body: event, headers: { 'content-type': 'Application/CloudEvents+JSON;charset="utf-8"' } }),
  ],
  [
    'a batch with a charset',
    (event) => ({
      body: [event],
      headers: { 'content-type': 'application/cloudevents-batch+json; charset=utf-8' },
    }),
  ],
  [
    'plain JSON with a charset',
    (event) => ({ body: event, headers: { 'content-type': 'application/json; charset=utf-8' } }),
  ],
  ['binary', (event) => binary(event)],
  ['binary, with a charset', (event) => binary(event, 'application/json; charset=utf-8')],
  ['binary, with a type of its own', (event) => binary(event, 'application/vnd.usage+json')],
  ['binary, with text/json', (event) => binary(event, 'text/json')],
  ['binary, not encoded', (event) => binary(event, 'application/json', (text) => text)],
  ['binary, in quotes', (event) => binary(event, 'application/json', (text) => `"${text}"`)],
  [
    'data in base64',
    (event) => ({
      body: { ...without(event), datacontenttype: 'application/json', data_base64: base64(event['data']) },
      headers: { 'content-type': 'application/cloudevents+json' },
    }),
  ],
  [
    'a batch with data in base64 and no content type',
    (event) => ({
      body: [{ ...without(event), data_base64: base64(event['data']) }],
      headers: { 'content-type': 'application/cloudevents-batch+json' },
    }),
  ],
  [
    'data as JSON in a text',
    (event) => ({
      body: {
        ...event,
        datacontenttype: 'application/json; charset=utf-8',
        data: JSON.stringify(event['data']),
      },
      headers: { 'content-type': 'application/cloudevents+json' },
    }),
  ],
  [
    'structured, with headers of binary mode that say something else',
    (event) => ({
      body: event,
      headers: { 'content-type': 'application/cloudevents+json', 'ce-id': 'other', 'ce-specversion': '0.3' },
    }),
  ],
];

describe('an event in the form', () => {
  it.each(forms)('%s is accepted and counted, and sent again it is the same event', async (name, form) => {
    const subject = `form/p${forms.findIndex(([other]) => other === name)}`;
    const event = anEventBody({ subject, id: `id of ${name}` });
    const { body, headers } = form(event);
    const answer = await post(body, headers);
    expect([answer.status, answer.body]).toEqual([
      202,
      { object: 'usage.receipt', accepted: 1, rejected: [] },
    ]);
    await until('it is counted', async () => (await counted(subject)).length === 1);
    expect(await counted(subject)).toEqual([{ id: `id of ${name}`, cost: COST }]);
    expect((await post(event, { 'content-type': 'application/json' })).status).toBe(202);
    await until('the queue is empty', async () => (await app.call('GET /v1/admin/queue')).body.active === 0);
    const conflicts = await app.call(`GET /v1/admin/usage_conflicts?subject=${subject}`);
    expect(conflicts.body.data).toEqual([]);
  });

  it('binary takes names that are not ASCII, percent-encoded or as UTF-8', async () => {
    const source = '/gateways/zürich/東京';
    for (const [index, encode] of [
      encodeURIComponent,
      (text: string) => Buffer.from(text).toString('latin1'),
    ].entries()) {
      const subject = `utf8/p${index}`;
      const { body, headers } = binary(
        anEventBody({ subject, source, id: `100% ${index}` }),
        'application/json',
        encode,
      );
      expect((await post(body, headers)).status).toBe(202);
      await until('it is counted', async () => (await counted(subject)).length === 1);
      const { rows } = await app.postgres.pool.query(
        'select source, id from rated_events where entity = $1 and project = $2',
        ['utf8', `p${index}`],
      );
      expect(rows).toEqual([{ source, id: `100% ${index}` }]);
    }
  });
});

describe('nothing is accepted for nothing:', () => {
  const letters = async (entity: string) =>
    ((await app.call(`GET /v1/admin/dead_letters?entity=${entity}`)).body.data ?? []) as {
      event_id: string;
      code: string;
    }[];

  const refused: [string, (event: Event) => { body: unknown; headers: Record<string, string> }, string][] = [
    [
      'binary without a source',
      (event) => {
        const { body, headers } = binary(event);
        const rest = Object.fromEntries(Object.entries(headers).filter(([name]) => name !== 'ce-source'));
        return { body, headers: rest };
      },
      'invalid_event',
    ],
    ['binary without data', (event) => ({ ...binary(event), body: undefined }), 'invalid_event'],
    ['binary with data that is a list', (event) => ({ ...binary(event), body: '[]' }), 'invalid_event'],
    [
      'data in base64 that is none',
      (event) => ({
        body: { ...without(event), data_base64: '***' },
        headers: { 'content-type': 'application/cloudevents+json' },
      }),
      'invalid_event',
    ],
    [
      'data as text that is no JSON',
      (event) => ({
        body: { ...event, data: 'tokens: 5' },
        headers: { 'content-type': 'application/cloudevents+json' },
      }),
      'invalid_event',
    ],
    [
      'data of another content type',
      (event) => ({
        body: { ...event, datacontenttype: 'text/plain', data: JSON.stringify(event['data']) },
        headers: { 'content-type': 'application/cloudevents+json' },
      }),
      'invalid_event',
    ],
    [
      'no data at all',
      (event) => ({ body: without(event), headers: { 'content-type': 'application/json' } }),
      'invalid_event',
    ],
    [
      'an unknown type',
      (event) => ({ body: { ...event, type: 'other' }, headers: { 'content-type': 'application/json' } }),
      'unknown_type',
    ],
  ];
  it.each(refused)(
    '%s is 422 with the receipt, and a dead letter with the same code',
    async (name, form, code) => {
      const entity = `refused${refused.findIndex(([other]) => other === name)}`;
      const { body, headers } = form(anEventBody({ subject: `${entity}/p`, id: name }));
      const answer = await post(body, headers);
      expect([answer.status, answer.body]).toMatchObject([
        422,
        { object: 'usage.receipt', accepted: 0, rejected: [{ index: 0, id: name, code }] },
      ]);
      await until('it is a dead letter', async () => (await letters(entity)).length === 1);
      expect(await letters(entity)).toMatchObject([{ event_id: name, code }]);
    },
  );

  it.each([
    ['an empty batch', '[]', 'application/cloudevents-batch+json'],
    ['an empty list', '[]', 'application/json'],
    ['no body', undefined, 'application/cloudevents+json'],
    ['a text', '"x"', 'application/json'],
    ['null', 'null', 'application/json'],
    ['what is no JSON', '{', 'application/cloudevents+json'],
    ['UTF-16', Buffer.from('{"é":1}', 'utf16le'), 'application/json; charset=utf-16'],
  ])('%s is 400', async (_, body, type) => {
    expect((await post(body, { 'content-type': type })).status).toBe(400);
  });

  it.each(['application/cloudevents+xml', 'text/plain', 'application/avro'])('%s is 415', async (type) => {
    expect((await post('{}', { 'content-type': type })).status).toBe(415);
  });

  it('a batch that is refused whole is 422 with each reason, and one that is refused in part is 202', async () => {
    const bad = [{}, null, 7, 'x', [], anEventBody({ subject: 'none' })];
    const all = await post(bad, { 'content-type': 'application/cloudevents-batch+json' });
    expect([all.status, all.body.accepted, all.body.rejected.length]).toEqual([422, 0, bad.length]);
    const some = await post([...bad, anEventBody({ subject: 'partly/p' })], {
      'content-type': 'application/json',
    });
    expect([some.status, some.body.accepted, some.body.rejected.length]).toEqual([202, 1, bad.length]);
  });

  it('what a key may not report is no dead letter, in any form', async () => {
    const bound = await app.key('gateway', 'own');
    const { body, headers } = binary(anEventBody({ subject: 'foreign/p' }));
    const answer = await app.call('POST /v1/usage/events', { body, headers, key: bound });
    expect([answer.status, answer.body.rejected]).toMatchObject([
      422,
      [{ code: 'insufficient_permissions' }],
    ]);
    expect(await letters('foreign')).toEqual([]);
  });
});
