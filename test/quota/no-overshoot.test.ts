/** No limit is exceeded, over HTTP: three API processes and a worker, one Postgres, one Redis and real clocks. */
import { randomInt } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { formatUsd } from '@tally/client/protocol';
import { isTransient } from '../../packages/client/src/denial.js';
import { LeasedQuota } from '../../packages/client/src/leases/leased-quota.js';
import { TallyClient } from '../../packages/client/src/tally-client.js';
import { parseUsd } from '../../src/domain/money.js';
import { ADMIN_KEY } from '../support/app.js';
import { LLAMA, LLAMA_PICOS_PER_TOKEN } from '../support/builders.js';
import { aDatabase, type TestDatabase } from '../support/database.js';
import { httpQuota, kindsOf, times, type HttpQuota } from '../support/quota-http.js';
import { aRedis, type TestRedis } from '../support/redis.js';
import { startService, type ServiceProcess } from '../support/service-process.js';
import { until } from '../support/until.js';

/** The default hold of `reserve`: 1,000 tokens of Llama. */
const HOLD_PICOS = 1_000n * LLAMA_PICOS_PER_TOKEN;
const REQUESTS = 2_000;
const FITTING = 317;
/** Room for so many holds, and for one more except for a picodollar. */
const roomFor = (count: number) => formatUsd(BigInt(count + 1) * HOLD_PICOS - 1n);

let postgres: TestDatabase;
let redis: TestRedis;
let processes: ServiceProcess[];
let service: HttpQuota;

beforeAll(async () => {
  [postgres, redis] = await Promise.all([aDatabase(), aRedis()]);
  const servers = { databaseUrl: postgres.url, redisUrl: redis.url };
  // The first process writes the price book before the others start.
  processes = [await startService({ ...servers, role: 'api' })];
  const roles = ['api', 'api', 'worker'] as const;
  processes.push(...(await Promise.all(roles.map((role) => startService({ ...servers, role })))));
  const apis = processes.filter(({ role }) => role === 'api').map(({ url }) => url);
  service = httpQuota(apis, ADMIN_KEY);
});

afterAll(async () => {
  const ends = await Promise.all(processes.map((each) => each.stop()));
  await Promise.all([postgres.drop(), redis.stop()]);
  expect(new Set(ends)).toEqual(new Set(['exit code 0']));
});

const limit = async (account: string, limits: object) => {
  await service.call(`PUT /v1/admin/entities/${account}`, { plan: 'free' });
  const { status } = await service.call(`PATCH /v1/admin/entities/${account}/limits`, limits);
  expect(status).toBe(200);
};
const buy = async (entity: string, amount_usd: string) => {
  expect((await service.call(`PUT /v1/admin/entities/${entity}`, { plan: 'free' })).status).toBe(200);
  const { status } = await service.call(`POST /v1/admin/entities/${entity}/credits`, { amount_usd });
  expect(status).toBe(201);
};
const balance = async (entity: string) => (await service.call(`GET /v1/entities/${entity}/balance`)).body;
const release = (id: string) => service.call(`POST /v1/quota/reservations/${id}/release`);

/** Waits until nothing is held and everything is booked, checks that the books agree, and returns what was spent. */
async function quiet(entity: string, tokens: bigint): Promise<bigint> {
  const expected = `${formatUsd(tokens * LLAMA_PICOS_PER_TOKEN)} spent, 0 held`;
  await until(expected, async () => {
    const { month_to_date_usd, held_usd } = await balance(entity);
    return `${month_to_date_usd} spent, ${held_usd} held` === expected;
  });
  const { body } = await service.call('GET /v1/admin/reconciliation');
  expect(body.ok).toBe(true);
  return tokens * LLAMA_PICOS_PER_TOKEN;
}

describe('of 2,000 requests at once, spread over three processes', () => {
  const burst = (subjectOf: (index: number) => string) =>
    Promise.all(times(REQUESTS, (index) => service.reserve(subjectOf(index))));

  it('exactly as many are admitted as fit under the monthly cap, and everything they hold is given back', async () => {
    await limit('capped', { monthly_cap_usd: roomFor(FITTING), overage: 'allowed' });
    const replies = await burst(() => 'capped/p');
    expect(kindsOf(replies)).toEqual({ admitted: FITTING, 'entity_monthly_cap: retry': REQUESTS - FITTING });
    expect((await balance('capped')).held_usd).toBe(formatUsd(BigInt(FITTING) * HOLD_PICOS));
    const admitted = replies.filter(({ status }) => status === 201);
    await Promise.all(admitted.map(({ body }) => release(body.id)));
    expect((await balance('capped')).held_usd).toBe('0');
    expect(kindsOf(await burst(() => 'capped/p'))['admitted']).toBe(FITTING);
  });

  it('exactly as many as the credits pay for', async () => {
    await buy('prepaid', roomFor(FITTING));
    await limit('prepaid', { monthly_cap_usd: null });
    const replies = await burst(() => 'prepaid/p');
    expect(kindsOf(replies)).toEqual({ admitted: FITTING, 'credits: retry': REQUESTS - FITTING });
  });

  it('exactly as many as may be in flight', async () => {
    await limit('busy', { monthly_cap_usd: null, overage: 'allowed', max_concurrent_requests: 25 });
    const replies = await burst(() => 'busy/p');
    expect(kindsOf(replies)).toEqual({ admitted: 25, 'concurrency: retry': REQUESTS - 25 });
  });

  it('exactly as many as fit under the caps of the projects and the cap of their entity', async () => {
    await limit('nested', { monthly_cap_usd: roomFor(FITTING), overage: 'allowed' });
    const project = async (name: string, count: number) => {
      const path = `PUT /v1/admin/entities/nested/projects/${name}`;
      expect((await service.call(path, { monthly_cap_usd: roomFor(count) })).status).toBe(200);
    };
    await project('a', 100);
    await project('b', 400);
    const replies = await burst((index) => `nested/${'ab'[index % 2]}`);
    const byProject = (name: string) =>
      kindsOf(replies.filter((_, index) => 'ab'[index % 2] === name))['admitted'] ?? 0;
    expect(byProject('a')).toBeLessThanOrEqual(100);
    expect(byProject('a') + byProject('b')).toBe(FITTING);
  });

  it('a request that is sent many times holds once', async () => {
    await limit('retrying', { monthly_cap_usd: roomFor(FITTING), overage: 'allowed' });
    const replies = await Promise.all(
      times(REQUESTS, (index) => service.reserve('retrying/p', { request_id: `r${index % 100}` })),
    );
    expect(kindsOf(replies)).toEqual({ admitted: REQUESTS });
    expect(new Set(replies.map(({ body }) => body.id)).size).toBe(100);
    expect((await balance('retrying')).held_usd).toBe(formatUsd(100n * HOLD_PICOS));
  });
});

describe('requests that cost less than they hold', () => {
  type Request = { readonly inputTokens: number; readonly maxOutputTokens: number };
  const CALLERS = 40;
  /** A caller gives up a request after it was told this often to wait. */
  const TRIES_MAX = 200;

  const randomRequest = (): Request => ({
    inputTokens: randomInt(1, 2_000),
    maxOutputTokens: randomInt(1, 3_000),
  });

  /**
   * Runs one request to its end: its tokens, or null where it was denied for good. `note` hears 1 when it was admitted, and -1
   * before anybody hears that it ends.
   */
  async function runOne(subject: string, note: (change: 1 | -1) => void = () => {}): Promise<number | null> {
    const { inputTokens, maxOutputTokens } = randomRequest();
    for (let tries = 0; tries < TRIES_MAX; tries += 1) {
      const { status, body } = await service.reserve(subject, {
        input_tokens: inputTokens,
        max_output_tokens: maxOutputTokens,
      });
      if (status !== 201 && body.error.code === 'insufficient_quota') return null;
      if (status !== 201) continue;
      note(1);
      // The request is in flight for as long as this call takes.
      await service.call('GET /livez');
      note(-1);
      if (randomInt(10) === 0) {
        await release(body.id);
        return 0;
      }
      const outputTokens = randomInt(maxOutputTokens + 1);
      await service.report(subject, body.id, { inputTokens, outputTokens });
      return inputTokens + outputTokens;
    }
    return null;
  }

  /** Lets callers send requests until each is denied for good, and returns the tokens of all that ran. */
  async function useUp(subjects: readonly string[]): Promise<bigint> {
    let tokens = 0;
    await Promise.all(
      times(CALLERS, async (caller) => {
        const subject = subjects[caller % subjects.length]!;
        for (let used = await runOne(subject); used !== null; used = await runOne(subject)) tokens += used;
      }),
    );
    return BigInt(tokens);
  }

  /** Checks that all that is left can be held, and not one token more. Returns the id of that hold. */
  async function leftIsUsable(subject: string, leftPicos: bigint): Promise<string> {
    const tokens = Number(leftPicos / LLAMA_PICOS_PER_TOKEN);
    const more = await service.reserve(subject, { input_tokens: tokens + 1 });
    expect(kindsOf([more])['admitted']).toBeUndefined();
    const all = await service.reserve(subject, { input_tokens: tokens });
    expect(all.status).toBe(201);
    return all.body.id;
  }

  it('never exceed the monthly cap, and leave nothing held', async () => {
    await limit('month', { monthly_cap_usd: '0.4', overage: 'allowed' });
    const spent = await quiet('month', await useUp(['month/p']));
    expect(spent).toBeLessThanOrEqual(parseUsd('0.4', ''));
    await leftIsUsable('month/p', parseUsd('0.4', '') - spent);
  });

  it('never exceed the caps of the projects, nor the cap of their entity', async () => {
    const caps = { a: '0.1', b: '0.25' };
    await limit('inner', { monthly_cap_usd: '0.3', overage: 'allowed' });
    for (const [name, monthly_cap_usd] of Object.entries(caps)) {
      const path = `PUT /v1/admin/entities/inner/projects/${name}`;
      expect((await service.call(path, { monthly_cap_usd })).status).toBe(200);
    }
    const spent = await quiet('inner', await useUp(['inner/a', 'inner/b']));
    const entityLeft = parseUsd('0.3', '') - spent;
    expect(entityLeft).toBeGreaterThanOrEqual(0n);
    const { projects } = await balance('inner');
    for (const [name, cap] of Object.entries(caps)) {
      const { month_to_date_usd } = projects.find((row: { project: string }) => row.project === name);
      const left = parseUsd(cap, '') - parseUsd(month_to_date_usd, '');
      expect(left).toBeGreaterThanOrEqual(0n);
      const id = await leftIsUsable(`inner/${name}`, left < entityLeft ? left : entityLeft);
      await release(id);
    }
  });

  it('are never more in flight than the entity and its projects allow', async () => {
    const [entityMax, projectMax] = [5, 3];
    await limit('running', { monthly_cap_usd: null, overage: 'allowed', max_concurrent_requests: entityMax });
    for (const name of ['a', 'b']) {
      const path = `PUT /v1/admin/entities/running/projects/${name}`;
      expect((await service.call(path, { max_concurrent_requests: projectMax })).status).toBe(200);
    }
    const running = { a: 0, b: 0 };
    const most = { project: 0, entity: 0 };
    let tokens = 0;
    const caller = async (name: 'a' | 'b') => {
      for (let run = 0; run < 8; run += 1) {
        const used = await runOne(`running/${name}`, (change) => {
          running[name] += change;
          most.project = Math.max(most.project, running[name]);
          most.entity = Math.max(most.entity, running.a + running.b);
        });
        tokens += used ?? 0;
      }
    };
    await Promise.all(times(12, (index) => caller(index % 2 === 0 ? 'a' : 'b')));
    expect(most.project).toBeLessThanOrEqual(projectMax);
    expect(most.entity).toBeLessThanOrEqual(entityMax);
    await quiet('running', BigInt(tokens));
    const again = await Promise.all(times(12, (index) => service.reserve(`running/${'ab'[index % 2]}`)));
    expect(kindsOf(again)).toEqual({ admitted: entityMax, 'concurrency: retry': 12 - entityMax });
  });

  it('never spend credits that do not exist, and cause no overage', async () => {
    await buy('credit', '0.3');
    const spent = await quiet('credit', await useUp(['credit/p', 'credit/q']));
    const { credits_usd, overage_usd } = await balance('credit');
    expect([credits_usd, overage_usd]).toEqual([formatUsd(parseUsd('0.3', '') - spent), '0']);
    await leftIsUsable('credit/p', parseUsd('0.3', '') - spent);
  });
});

describe('gateways that decide themselves', () => {
  const CALLERS = 30;

  it('together admit exactly as many of 2,000 requests as fit, when each costs what it holds', async () => {
    await limit('leased', { monthly_cap_usd: roomFor(FITTING), overage: 'allowed' });
    const apis = processes.filter(({ role }) => role === 'api');
    const gateways = times(3, (index) => {
      const baseUrl = apis[index % apis.length]!.url;
      return new LeasedQuota({ tally: new TallyClient({ baseUrl, apiKey: ADMIN_KEY }), tickMs: 10 });
    });
    const wanted = { project: 'leased/p', model: LLAMA, inputTokens: 1_000, maxOutputTokens: 0 };
    const admitted = { local: 0, central: 0 };
    let asked = 0;

    /** Retries for as long as waiting helps. */
    async function runOne(quota: LeasedQuota): Promise<void> {
      for (;;) {
        const admission = await quota.reserve(wanted);
        if (admission.admitted) {
          admitted[admission.isLocal ? 'local' : 'central'] += 1;
          await service.report('leased/p', admission.reservation.id, { inputTokens: 1_000, outputTokens: 0 });
          quota.finish(admission.reservation.id);
          return;
        }
        if (!isTransient(admission.denial)) return;
      }
    }

    await Promise.all(
      times(CALLERS, async (caller) => {
        while (asked < REQUESTS) {
          asked += 1;
          await runOne(gateways[caller % gateways.length]!);
        }
      }),
    );
    expect(admitted.local + admitted.central).toBe(FITTING);
    expect(admitted.local).toBeGreaterThan(FITTING / 4);
    await Promise.all(gateways.map((gateway) => gateway.close()));
    await quiet('leased', BigInt(FITTING) * 1_000n);
  });
});
