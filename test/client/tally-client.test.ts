/** The client: a denial is an answer to pass on; what the gateway did wrong is an error. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { httpReporter } from '../../packages/client/src/http-reporter.js';
import { TallyClient } from '../../packages/client/src/tally-client.js';
import { usageEvent } from '../../packages/client/src/protocol/usage-event.js';
import {
  aFakeTally,
  anError,
  CREDITS_GONE,
  MODEL_NOT_FOUND,
  TOO_MANY_AT_ONCE,
  type FakeTally,
} from '../support/fake-tally.js';
import { aUsageEvent } from '../support/usage-event.js';

const RESERVATIONS = /\/reservations$/;
const wanted = {
  project: 'entity1/project1',
  model: 'm',
  inputTokens: 8,
  maxOutputTokens: 16,
  requestId: 'req_1',
};

const event = (id: string) => aUsageEvent({ id, model: 'm' });

let tally: FakeTally;
let client: TallyClient;

beforeEach(async () => {
  tally = await aFakeTally();
  client = new TallyClient({ baseUrl: tally.url, apiKey: tally.apiKey });
});

afterEach(async () => {
  await tally.stop();
});

describe('a reservation', () => {
  it('is requested as the contract says', async () => {
    const admission = await client.reserve({ ...wanted, serviceTier: 'flex', region: 'eu', ttlSeconds: 60 });
    expect(admission).toMatchObject({
      admitted: true,
      reservation: { id: 'res_1.entity1', hold_usd: '0.001' },
    });
    expect(tally.reservations).toEqual([
      {
        id: 'res_1.entity1',
        project: 'entity1/project1',
        model: 'm',
        input_tokens: 8,
        max_output_tokens: 16,
        service_tier: 'flex',
        region: 'eu',
        request_id: 'req_1',
        ttl_seconds: 60,
      },
    ]);
  });

  it('is made once although the connection broke before the answer', async () => {
    tally.refuseNext(RESERVATIONS, 'hang up');
    await expect(client.reserve({ project: 'entity1/project1', model: 'm' })).resolves.toMatchObject({
      admitted: true,
    });
    expect(tally.requestCount).toBe(2);
    expect(tally.reservations).toHaveLength(1);
  });

  it.each([CREDITS_GONE, TOO_MANY_AT_ONCE, MODEL_NOT_FOUND])(
    'that is denied is a value with body, status and headers untouched',
    async (denied) => {
      const headers = { ...denied.headers, 'x-request-id': 'req_9' };
      tally.refuseNext(RESERVATIONS, { ...denied, headers });
      const admission = await client.reserve(wanted);
      expect(admission).toEqual({
        admitted: false,
        denial: {
          status: denied.status,
          headers: { 'content-type': 'application/json; charset=utf-8', ...headers },
          body: JSON.stringify(denied.body),
        },
      });
    },
  );

  it('is denied with 503 when Tally is silent, hangs up or is replaced by a proxy that complains', async () => {
    const impatient = new TallyClient({ baseUrl: tally.url, apiKey: tally.apiKey, timeoutMs: 30 });
    const overloaded = { admitted: false, denial: { status: 503, headers: { 'retry-after': '1' } } };
    tally.refuseNext(RESERVATIONS, 'silence');
    expect(await impatient.reserve(wanted)).toMatchObject(overloaded);
    tally.refuseNext(RESERVATIONS, 'hang up', 2);
    expect(await client.reserve(wanted)).toMatchObject(overloaded);
    tally.refuseNext(RESERVATIONS, { status: 502, body: '<html>' });
    expect(await client.reserve(wanted)).toMatchObject(overloaded);
    tally.refuseNext(RESERVATIONS, { status: 429, body: 'slow down' });
    expect(await client.reserve(wanted)).toMatchObject(overloaded);
  });

  it('throws when the gateway asked wrongly, which its caller must not see', async () => {
    const stranger = new TallyClient({ baseUrl: tally.url, apiKey: 'wrong' });
    await expect(stranger.reserve(wanted)).rejects.toMatchObject({ status: 401, code: 'invalid_api_key' });
    tally.refuseNext(RESERVATIONS, {
      status: 400,
      body: anError('project', 'invalid_request_error', 'invalid_request'),
    });
    await expect(client.reserve(wanted)).rejects.toMatchObject({ status: 400, code: 'invalid_request' });
    tally.refuseNext(RESERVATIONS, {
      status: 404,
      body: anError('no such route', 'invalid_request_error', 'not_found'),
    });
    await expect(client.reserve(wanted)).rejects.toMatchObject({ status: 404, code: 'not_found' });
  });

  it('is not taken from an answer that cannot be read', async () => {
    tally.refuseNext(RESERVATIONS, { status: 200, body: '<html>Welcome</html>' });
    await expect(client.reserve(wanted)).rejects.toMatchObject({ code: 'unreadable' });
  });

  it('can be extended until it is gone, and released twice', async () => {
    await client.reserve(wanted);
    expect(await client.extend('res_1.entity1', 900)).toBe(true);
    expect(await client.extend('res_2.entity1', 900)).toBe(false);
    await client.release('res_1.entity1');
    await client.release('res_1.entity1');
    expect(tally.extended).toEqual([{ id: 'res_1.entity1', ttlSeconds: 900 }]);
    expect(tally.released).toEqual(['res_1.entity1', 'res_1.entity1']);
  });
});

describe('a check', () => {
  it('names project and model, and is a value either way', async () => {
    expect(await client.check('entity1/project1', 'm')).toEqual({ allowed: true });
    tally.refuseNext(/check/, CREDITS_GONE);
    expect(await client.check('entity1/project1')).toMatchObject({ allowed: false, denial: { status: 429 } });
    expect(tally.checks).toEqual([{ project: 'entity1/project1', model: 'm' }]);
  });
});

describe('an event', () => {
  it('says which tier served it, where, and what else decides its price, only where that is known', () => {
    const facts = {
      id: 'e',
      source: '/gateways/test-1',
      project: 'entity1/project1',
      time: new Date('2026-11-22T20:00:00Z'),
      model: 'm',
      operation: 'chat',
      usage: { total_tokens: 2 },
    } as const;
    const named = {
      service_tier: 'flex',
      region: 'eu',
      attributes: { size: 'high' },
      usage_format: 'gemini_openai',
    };
    const { service_tier: serviceTier, usage_format: usageFormat, region, attributes } = named;
    const { data } = usageEvent({ ...facts, serviceTier, usageFormat, region, attributes });
    expect(data).toMatchObject(named);
    const bare = Object.keys(usageEvent(facts).data);
    expect(bare.filter((field) => field in named)).toEqual([]);
  });
});

describe('reporting over HTTP', () => {
  it('sends one request for what is reported together', async () => {
    const reporter = await httpReporter(client);
    await Promise.all(['a', 'b', 'c'].map((id) => reporter.report(event(id))));
    await reporter.close();
    expect(tally.eventBatches).toEqual([3]);
    expect(tally.events).toEqual(['a', 'b', 'c'].map(event));
  });

  it('names the event that Tally rejects and delivers the rest', async () => {
    tally.poisonIds.add('b');
    const reporter = await httpReporter(client);
    const reports = await Promise.allSettled(['a', 'b', 'c'].map((id) => reporter.report(event(id))));
    await reporter.close();
    expect(reports[1]).toMatchObject({ status: 'rejected', reason: { code: 'invalid_tokens' } });
    expect(tally.events.map(({ id }) => id)).toEqual(['a', 'c']);
  });

  it('loses nothing while Tally is down', async () => {
    const reporter = await httpReporter(client, { backoffMsMin: 1 });
    tally.refuseNext(/events$/, 'hang up', 3);
    tally.refuseNext(/events$/, { status: 503, body: 'starting' }, 2);
    await reporter.report(event('a'));
    await reporter.close();
    expect(tally.events.map(({ id }) => id)).toEqual(['a']);
  });

  it('with a directory, resolves while Tally is down, and the next start delivers', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'tally-outbox-'));
    tally.refuseNext(/events$/, 'hang up', 1000);
    const before = await httpReporter(client, { directory, backoffMsMin: 1, backoffMsMax: 1, closeMs: 0 });
    await before.report(event('a'));
    await before.close();
    expect(tally.events).toEqual([]);
    tally.relent();
    const after = await httpReporter(client, { directory });
    await after.close();
    // A delivery that was in flight while the first one closed may have arrived too.
    expect(new Set(tally.events.map(({ id }) => id))).toEqual(new Set(['a']));
    await rm(directory, { recursive: true });
  });
});

describe('a usage event', () => {
  it('is the CloudEvent of the contract, without fields that were left out', () => {
    expect(JSON.parse(JSON.stringify(event('chatcmpl-1')))).toEqual({
      specversion: '1.0',
      id: 'chatcmpl-1',
      source: '/gateways/test-1',
      type: 'ai.inference.usage.v1',
      subject: 'entity1/project1',
      time: '2026-11-22T20:00:00.000Z',
      data: {
        model: 'm',
        operation: 'chat',
        usage: { prompt_tokens: 1, completion_tokens: 1, total_tokens: 2 },
        usage_source: 'reported',
      },
    });
  });
});
