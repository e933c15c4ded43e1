/** A dead letter can be looked up, found by why it was refused, and replayed with what it lacked. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { anApp, type TestApp } from '../support/app.js';
import { anEventBody, LLAMA } from '../support/builders.js';
import { until } from '../support/until.js';

let app: TestApp;
beforeAll(async () => {
  app = await anApp({ role: 'all' });
});
afterAll(() => app.close());

type Letter = { id: string; status: string; code: string };
const letters = async (query: string): Promise<Letter[]> =>
  (await app.call(`GET /v1/admin/dead_letters?${query}`)).body.data ?? [];
const bury = async (entity: string, events: readonly Record<string, unknown>[]): Promise<Letter[]> => {
  const subject = `${entity}/p`;
  await app.call('POST /v1/usage/events', { body: events.map((event) => ({ ...event, subject })) });
  await until(
    'they are dead letters',
    async () => (await letters(`entity=${entity}`)).length === events.length,
  );
  return letters(`entity=${entity}`);
};
const counted = async (entity: string) =>
  (
    await app.postgres.pool.query(
      'select model, occurred_at, output_tokens::int as output from rated_events where entity = $1',
      [entity],
    )
  ).rows;
const replay = (id: string, body?: object) => app.call(`POST /v1/admin/dead_letters/${id}/replay`, { body });
/** Of Gemini's OpenAI endpoint: the rest of the total is output, which only its format says. */
const gemini = { prompt_tokens: 11, completion_tokens: 32, total_tokens: 1043 };

describe('a dead letter', () => {
  it('is got by its id, and is not there for another', async () => {
    const [letter] = await bury('got', [anEventBody({ type: 'x' })]);
    expect((await app.call(`GET /v1/admin/dead_letters/${letter!.id}`)).body).toEqual(letter);
    for (const id of ['dl_none', 'dl_none.got', letter!.id.replace('.got', '.other')])
      expect((await app.call(`GET /v1/admin/dead_letters/${id}`)).status).toBe(404);
  });

  it.each([
    [
      'usage_format',
      anEventBody({}, { usage: gemini }),
      { usage_format: 'gemini_openai' },
      { output: 1_032 },
    ],
    [
      'time',
      anEventBody({ time: '2025-01-01T00:00:00Z' }),
      { time: '2026-11-20T10:00:00Z' },
      { occurred_at: new Date('2026-11-20T10:00:00Z') },
    ],
    ['model', anEventBody({}, { model: null }), { model: LLAMA }, { model: LLAMA }],
    [
      'data that came as a text',
      { ...anEventBody(), data: JSON.stringify({ usage: { prompt_tokens: 1, completion_tokens: 2 } }) },
      { model: LLAMA },
      { output: 2 },
    ],
    [
      'several at once',
      anEventBody({ time: 'never' }, { usage: gemini, model: '' }),
      { usage_format: 'gemini_openai', time: 1_795_340_000, model: LLAMA },
      { output: 1_032, model: LLAMA },
    ],
  ])('is counted once its %s is mended', async (what, event, mending, expected) => {
    const entity = `mended-${what.replaceAll(/\W/g, '-')}`;
    const [letter] = await bury(entity, [event]);
    // As it is, it is refused again.
    await replay(letter!.id);
    await until('it is open again', async () => (await letters(`entity=${entity}`))[0]?.status === 'open');
    expect(await replay(letter!.id, mending)).toMatchObject({ status: 200, body: { status: 'replayed' } });
    await until('it is counted', async () => (await counted(entity)).length === 1);
    expect(await counted(entity)).toMatchObject([expected]);
    const { body: log } = await app.call(`GET /v1/admin/audit_log?entity=${entity}`);
    expect(log.data[0]).toMatchObject({
      action: 'dead_letters.replayed',
      after: { status: 'replayed', mended: {} },
    });
  });

  it.each([
    { usage_format: 'nothing' },
    { subject: 'nobody' },
    { time: 'never' },
    { model: '' },
    { usage: {} },
  ])('is not mended by %j', async (mending) => {
    expect((await replay('dl_none', mending)).status).toBe(400);
  });

  it('is found by part of its reason, and all that match are mended or discarded together', async () => {
    const events = [1, 2, 3].map((n) => anEventBody({ id: `g${n}` }, { usage: gemini }));
    await bury('many', [...events, anEventBody({ type: 'x' })]);
    expect(await letters('entity=many&reason=TOTAL')).toHaveLength(3);
    expect(await letters('entity=many&reason=100%25')).toHaveLength(0);
    const order = { entity: 'many', reason: 'total' };
    const answer = await app.call('POST /v1/admin/dead_letters/replay', {
      body: { ...order, mend: { usage_format: 'gemini_openai' } },
    });
    expect(answer.body).toMatchObject({ answered: 3, remaining: 0 });
    await until('they are counted', async () => (await counted('many')).length === 3);
    await app.call('POST /v1/admin/dead_letters/discard', { body: { entity: 'many', code: 'unknown_type' } });
    expect((await letters('entity=many')).map(({ status }) => status).toSorted()).toEqual([
      'discarded',
      'replayed',
      'replayed',
      'replayed',
    ]);
  });

  it('of another scope is no cursor', async () => {
    const [mine] = await bury('mine', [anEventBody({ type: 'x' })]);
    await bury('theirs', [anEventBody({ type: 'x' })]);
    for (const after of [mine!.id, 'dl_none', 'dl_none.theirs']) {
      const { status, body } = await app.call(`GET /v1/admin/dead_letters?entity=theirs&after=${after}`);
      expect([status, body.error.code, body.error.param]).toEqual([400, 'invalid_request', 'after']);
    }
  });
});
