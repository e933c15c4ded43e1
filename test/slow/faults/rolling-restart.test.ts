import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { callerOf, type Answer } from '../../support/app.js';
import { LLAMA } from '../../support/builders.js';
import { counted, countedOf } from '../../support/counted.js';
import { anInstallation, type Installation, type Machine } from '../../support/installation.js';
import { until } from '../../support/until.js';
import { EVENT_PICOS, usage } from './usage.js';

let tally: Installation;
let apis: Machine[];
let workers: Machine[];
beforeAll(async () => {
  tally = await anInstallation();
  [apis, workers] = await Promise.all([
    Promise.all([tally.start('api'), tally.start('api')]),
    Promise.all([tally.start('worker'), tally.start('worker')]),
  ]);
});
afterAll(() => tally.close());

const CUSTOMERS = 2;

/** What a gateway saw that tries the other API when one does not answer, and both again when one says that it cannot now. */
const seen = { requests: 0, statuses: new Set<number>(), unanswered: [] as string[] };

async function ask(turn: number, call: string, body: unknown): Promise<Answer | null> {
  seen.requests += 1;
  let errors: string[];
  do {
    errors = [];
    for (const api of [apis[turn % 2]!, apis[(turn + 1) % 2]!]) {
      const answer = await callerOf(api.service.url)(call, { body }).catch((error: Error) => {
        errors.push(`${error.message}, ${String(error.cause)}`);
        return null;
      });
      if (answer !== null) seen.statuses.add(answer.status);
      if (answer !== null && answer.status !== 503) return answer;
    }
  } while (errors.length < 2);
  seen.unanswered.push(errors.join('; '));
  return null;
}

/** A customer's requests, one after the other: held, run, reported. Returns how many. */
async function use(customer: number, ending: AbortSignal): Promise<number> {
  const entity = `rolling${customer}`;
  for (let count = 0; ; count += 1) {
    if (ending.aborted) return count;
    const [event] = usage(entity, 1);
    const order = {
      project: String(event!['subject']),
      model: LLAMA,
      input_tokens: 100,
      max_output_tokens: 50,
      request_id: `r${count}`,
    };
    const held = await ask(count + customer, 'POST /v1/quota/reservations', order);
    const data = { ...(event!['data'] as object), reservation_id: held?.body.id };
    await ask(count + customer + 1, 'POST /v1/usage/events', { ...event, data });
  }
}

it('replacing two APIs and two workers in turn under load loses nothing, counts nothing twice, and leaves no request unanswered by both', async () => {
  for (let customer = 0; customer < CUSTOMERS; customer += 1) {
    const order = { body: { amount_usd: '50' } };
    await tally.call(`PUT /v1/admin/entities/rolling${customer}`, { body: { plan: 'free' } });
    await tally.call(`POST /v1/admin/entities/rolling${customer}/credits`, order);
  }
  const ending = new AbortController();
  const load = Promise.all(Array.from({ length: CUSTOMERS }, (_, customer) => use(customer, ending.signal)));
  const ends: string[] = [];
  for (const machine of [workers[0]!, apis[0]!, workers[1]!, apis[1]!]) {
    const before = seen.requests;
    await until('it is under load', () => seen.requests > before + 20);
    ends.push(await machine.service.stop());
    await machine.revive();
  }
  ending.abort();
  const counts = await load;
  await tally.queue.drained();
  expect(ends).toEqual(Array.from({ length: 4 }, () => 'exit code 0'));
  expect(seen.unanswered).toEqual([]);
  for (const status of seen.statuses) expect([201, 202, 503]).toContain(status);
  const sent = counts.reduce((sum, count) => sum + count, 0);
  expect(await countedOf(tally, 'rolling')).toEqual(counted(sent, BigInt(sent) * EVENT_PICOS));
  for (let customer = 0; customer < CUSTOMERS; customer += 1) {
    const { body } = await tally.call(`GET /v1/entities/rolling${customer}/balance`);
    expect(body.held_usd).toBe('0');
  }
  expect(await tally.sql('select from dead_letters')).toEqual([]);
  expect(await tally.differences()).toEqual([]);
});
