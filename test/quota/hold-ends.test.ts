/** A hold is given back once, however its request ends, and its usage is charged, whenever the event comes. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { UsageEvent } from '../../src/domain/usage.js';
import { anApp, type TestApp } from '../support/app.js';
import { anEvent, LLAMA } from '../support/builders.js';
import { TestClock } from '../support/test-clock.js';
import { recordUsage } from '../support/usage.js';

/** 1,000 tokens of Llama, which is what `reserve` holds. The events here cost half of it. */
const HOLD_USD = '0.00071';
const COST_USD = '0.000355';
const SECOND_MS = 1_000;

describe('the hold of a request', () => {
  const clock = new TestClock();
  let app: TestApp;
  let entity: string;
  let count = 0;
  beforeAll(async () => {
    app = await anApp({ clock });
  });
  afterAll(() => app.close());
  beforeEach(async () => {
    count += 1;
    entity = `holder${count}`;
    await app.limit(entity, { monthly_cap_usd: '1', overage: 'allowed' });
  });

  const call = (order: object) =>
    app.call('POST /v1/quota/reservations', {
      body: { project: `${entity}/p`, model: LLAMA, input_tokens: 1_000, max_output_tokens: 0, ...order },
    });
  const reserve = async (order: object = {}) => {
    const { status, body } = await call(order);
    expect(status).toBe(201);
    return String(body.id);
  };
  const reserveStatus = async (order: object) => (await call(order)).status;
  const release = async (id: string) => (await app.call(`POST /v1/quota/reservations/${id}/release`)).status;
  const extend = async (id: string, ttl_seconds: number) =>
    (await app.call(`POST /v1/quota/reservations/${id}/extend`, { body: { ttl_seconds } })).status;
  const eventOf = (reservationId: string): UsageEvent =>
    anEvent({
      subject: `${entity}/p`,
      reservationId,
      occurredAt: clock.now(),
      quantities: { input: 500 },
    });
  /** Dollars held, dollars charged, and what is left of the cap of one dollar. */
  const books = async () => {
    const { body } = await app.call(`GET /v1/entities/${entity}/balance`);
    const check = await app.call('GET /v1/quota/check', { headers: { 'openai-project': `${entity}/p` } });
    return [body.held_usd, body.month_to_date_usd, check.body.remaining.entity_cap_usd];
  };
  const NOTHING = ['0', '0', '1'];
  const HELD = [HOLD_USD, '0', '0.99929'];
  const CHARGED = ['0', COST_USD, '0.999645'];

  it('of a request that dies expires at its own time, and its late event is still charged', async () => {
    const first = await reserve({ ttl_seconds: 10 });
    await reserve({ ttl_seconds: 20 });
    const held = [];
    for (const seconds of [10, 10]) {
      held.push((await books())[0]);
      clock.advance(seconds * SECOND_MS);
    }
    expect([...held, (await books())[0]]).toEqual(['0.00142', HOLD_USD, '0']);
    clock.advance(3_600 * SECOND_MS);
    await recordUsage(app, [eventOf(first)]);
    expect(await books()).toEqual(CHARGED);
  });

  it('is one hold and one charge, however often the reservation, the release and the event are repeated', async () => {
    const order = { request_id: 'r1' };
    const id = await reserve(order);
    expect([await reserve(order), await reserve(order)]).toEqual([id, id]);
    expect(await books()).toEqual(HELD);
    const event = eventOf(id);
    await recordUsage(app, [event, event]);
    await recordUsage(app, [event]);
    expect(await books()).toEqual(CHARGED);
    expect([await release(id), await release(id)]).toEqual([200, 200]);
    expect(await reserveStatus(order)).toBe(409);
    expect(await books()).toEqual(CHARGED);
  });

  it('is given back by a release, and a later event is still charged', async () => {
    const id = await reserve();
    expect([await release(id), await release(id)]).toEqual([200, 200]);
    expect(await books()).toEqual(NOTHING);
    await recordUsage(app, [eventOf(id)]);
    expect(await books()).toEqual(CHARGED);
  });

  it('of another request stays when a settled hold is released', async () => {
    const settled = await reserve();
    await reserve();
    await recordUsage(app, [eventOf(settled)]);
    expect(await release(settled)).toBe(200);
    expect(await books()).toEqual([HOLD_USD, COST_USD, '0.998935']);
  });

  it('lasts for as long as a stream extends it', async () => {
    const id = await reserve({ ttl_seconds: 60 });
    for (let minute = 0; minute < 5; minute += 1) {
      clock.advance(59 * SECOND_MS);
      expect(await extend(id, 60)).toBe(200);
    }
    expect(await books()).toEqual(HELD);
    clock.advance(60 * SECOND_MS);
    expect(await books()).toEqual(NOTHING);
    expect(await extend(id, 60)).toBe(404);
  });
});
