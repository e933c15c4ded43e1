/** Ids that servers make may be long: OpenAI's Responses have 437 characters behind LiteLLM. None of them costs an event or a hold. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { anApp, type TestApp } from '../support/app.js';
import { anEventBody, LLAMA } from '../support/builders.js';
import { recorded } from '../support/litellm-logs.js';
import { until } from '../support/until.js';

const LONGEST = 'ä/~?%'.repeat(205).slice(0, 1_024);

let app: TestApp;
beforeAll(async () => {
  app = await anApp({ role: 'all' });
});
afterAll(() => app.close());

const eventsOf = async (entity: string) =>
  (await app.call(`GET /v1/entities/${entity}/events`)).body.data ?? [];
const order = (request_id: string) => ({
  body: { project: 'held/p', model: LLAMA, input_tokens: 10, max_output_tokens: 10, request_id },
});

describe('an id', () => {
  it.each([
    ['of a recorded Responses answer', 'responses', String(recorded('responses')['id'])],
    ['of 1,024 characters', 'longest', LONGEST],
  ])(
    '%s is kept whole, is known again, is told from another, and can be voided by its path',
    async (_, entity, id) => {
      const event = anEventBody({ id, subject: `${entity}/p` }, { request_id: id });
      await app.call('POST /v1/usage/events', { body: event });
      await until('it is counted', async () => (await eventsOf(entity)).length === 1);
      const [counted] = await eventsOf(entity);
      expect([counted.event_id, counted.request_id, counted.mended ?? []]).toEqual([id, id, []]);
      const longer = anEventBody({ id: `${id.slice(0, -1)}!`, subject: `${entity}/p` });
      const changed = anEventBody({ id, subject: `${entity}/p` }, { model: 'another' });
      await app.call('POST /v1/usage/events', { body: [event, longer, changed] });
      await until('the other is counted', async () => (await eventsOf(entity)).length === 2);
      const conflicts = async () =>
        (await app.call(`GET /v1/admin/usage_conflicts?entity=${entity}`)).body.data;
      await until('the changed one is a conflict', async () => (await conflicts()).length === 1);
      const path = `${encodeURIComponent('/gateways/test')}/${encodeURIComponent(id)}`;
      const voided = await app.call(`POST /v1/admin/usage_events/${path}/void`, {
        body: { reason: 'a test', entity },
        headers: { 'idempotency-key': entity },
      });
      expect([voided.status, voided.text]).toEqual([200, expect.stringContaining('correction')]);
    },
  );

  it('of 1,025 characters is refused with the bound in its reason', async () => {
    const { status, body } = await app.call('POST /v1/usage/events', {
      body: anEventBody({ id: `${LONGEST}x` }),
    });
    expect([status, body.rejected[0].code]).toEqual([422, 'invalid_event']);
    expect(body.rejected[0].message).toContain('1024');
  });

  it('of a request holds once, is listed whole, and ends its hold', async () => {
    await app.limit('held', { overage: 'allowed' });
    const first = await app.call('POST /v1/quota/reservations', order(LONGEST));
    const again = await app.call('POST /v1/quota/reservations', order(LONGEST));
    expect([first.status, again.body.id]).toEqual([201, first.body.id]);
    const { body: holds } = await app.call('GET /v1/admin/entities/held/holds');
    expect(holds.data.map((hold: { request_id: string }) => hold.request_id)).toEqual([LONGEST]);
    const end = { body: { project: 'held/p', request_id: LONGEST } };
    expect((await app.call('POST /v1/quota/reservations/release', end)).status).toBe(200);
    expect((await app.call('GET /v1/admin/entities/held/holds')).body.data).toEqual([]);
    expect((await app.call('POST /v1/quota/reservations', order(`${LONGEST}x`))).status).toBe(400);
  });
});
