/** Whatever producers send comes back as JSON that strict readers take, and as one line of text where it is a message. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { USAGE_JOB } from '@tally/client/protocol';
import { wellFormedJson } from '../../src/metering/well-formed.js';
import { anApp, type TestApp } from '../support/app.js';
import { anEventBody } from '../support/builders.js';
import { until } from '../support/until.js';
import { aTestQueue, type TestQueue } from '../support/usage-queue.js';

const LONE = ['\ud800', '\udfff', 'a\ud83d', '\ude00b', '\udc00\ud800', '\\\ud800', '\\\\\udfff'];
const CONTROL = ['\u0000', '\u0007', '\u007f', '\u0085', '\u2028', '\n', '\ufeff'];
const ODD = [...LONE, ...CONTROL];

describe('what is echoed', () => {
  let app: TestApp;
  let queue: TestQueue;
  beforeAll(async () => {
    app = await anApp({ role: 'all' });
    queue = await aTestQueue(app.redis.url, { mayDie: false, nowMs: () => app.clock.now().getTime() });
  });
  afterAll(async () => {
    await queue.close();
    await app.close();
  });

  const odd = (text: string, entity: string): unknown[] => [
    anEventBody({ subject: `${entity}/p`, id: text }),
    anEventBody({ subject: `${entity}/p`, source: text }),
    anEventBody({ subject: `${entity}/${text}` }),
    anEventBody({ subject: `${entity}/p`, type: text }),
    anEventBody({ subject: `${entity}/p`, time: text }),
    anEventBody(
      { subject: `${entity}/p`, [text]: { [text]: [text] } },
      { usage: { prompt_tokens: -1, [text]: text } },
    ),
    anEventBody({ subject: `${entity}/p` }, { model: text }),
    anEventBody({ subject: `${entity}/p` }, { usage_format: text }),
    anEventBody({ subject: `${entity}/p` }, { usage: { prompt_tokens: text, completion_tokens: 1 } }),
    anEventBody(
      { subject: `${entity}/p` },
      { usage: { prompt_tokens: 1, completion_tokens: 1, [`${text}_tokens`]: -2 } },
    ),
    // Counted all the same, with what is descriptive mended and what nothing knows listed.
    anEventBody(
      { subject: `${entity}/p` },
      {
        operation: text,
        user_id: text,
        tags: { [text]: text, team: text },
        attributes: { [text]: text },
        usage: { prompt_tokens: 1, completion_tokens: 1, [`${text}_tokens`]: 5 },
      },
    ),
    text,
  ];
  const expectStrict = (text: string) => {
    expect(text.isWellFormed()).toBe(true);
    const texts: string[] = [];
    JSON.parse(text, (name, value: unknown) => {
      texts.push(name);
      if (typeof value === 'string') texts.push(value);
      return value;
    });
    expect(texts.filter((each) => !each.isWellFormed())).toEqual([]);
  };
  const lists = (entity: string) => [
    `GET /v1/admin/dead_letters?entity=${entity}&limit=100`,
    'GET /v1/admin/dead_letters?limit=100',
    `GET /v1/admin/usage_conflicts?entity=${entity}&limit=100`,
    `GET /v1/entities/${entity}/events`,
  ];

  it.each(ODD.map((text, index) => [JSON.stringify(text), text, index] as const))(
    '%s from both doors is read by strict readers everywhere',
    async (_, text, index) => {
      const entity = `echo${index}`;
      const events = odd(text, entity);
      const { status, text: receipt } = await app.call('POST /v1/usage/events', { body: events });
      expect([200, 202, 422]).toContain(status);
      expectStrict(receipt);
      await queue.add(events.map((event) => [event]));
      await queue.add(events, `${USAGE_JOB}${text}`);
      await queue.drained();
      for (const list of lists(entity)) {
        const answer = await app.call(list);
        expect(answer.status).toBe(200);
        expectStrict(answer.text);
        const messages = (answer.body.data as { message?: string }[]).map(({ message }) => message ?? '');
        expect(messages.filter((message) => /[\p{Cc}\u2028]/u.test(message))).toEqual([]);
      }
      for (const body of [{ [text]: 1 }, { project: text, model: 'm' }, { project: 'e/p', model: text }]) {
        const answer = await app.call('POST /v1/quota/reservations', { body });
        expect([400, 404]).toContain(answer.status);
        expectStrict(answer.text);
      }
    },
  );

  it('is the same text where that is well-formed', () => {
    for (const value of ['😀', '\\ud800', '\\\\ud83d\\', { a: ['\n', '\u0000'] }]) {
      const json = JSON.stringify(value);
      expect(wellFormedJson(json)).toBe(json);
    }
    expect(JSON.parse(wellFormedJson(JSON.stringify(['\\\ud800', '\ud83d\ude00\ud83d'])))).toEqual([
      '\\\ufffd',
      '😀\ufffd',
    ]);
  });

  it('is cut where it is nested deeper than anybody reads', async () => {
    let deep: unknown = 1;
    for (let level = 0; level < 3_000; level += 1) deep = level % 2 === 0 ? [deep] : { deep };
    await queue.add([[anEventBody({ subject: 'deep/p', type: 'x', deep })]]);
    await queue.drained();
    await until(
      'it can be read',
      async () => (await app.call('GET /v1/admin/dead_letters?entity=deep')).body?.data.length === 1,
    );
  });
});
