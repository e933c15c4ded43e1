/** Holds of requests that do not limit their output: the worker's job learns their size from booked events. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { formatUsd } from '@tally/client/protocol';
import { DAY_MS } from '../../src/domain/buckets.js';
import { REQUESTS_SEEN_MIN } from '../../src/quota/output-sizes.js';
import { parseUsd } from '../../src/domain/money.js';
import { OutputSampling } from '../../src/quota/output-sampling.js';
import { anApp, type TestApp } from '../support/app.js';
import { anEvent } from '../support/builders.js';
import { TestClock } from '../support/test-clock.js';
import { until } from '../support/until.js';
import { recordUsage } from '../support/usage.js';

const MINUTE_MS = 60_000;
const EMBEDDINGS = 'cw_BAAI_bge-m3';
/** At a dollar per million tokens. */
const usdOf = (tokens: number) => formatUsd(BigInt(tokens) * 10n ** 6n);

describe('a hold without max_output_tokens', () => {
  const clock = new TestClock();
  let app: TestApp;
  let sampling: OutputSampling;
  beforeAll(async () => {
    app = await anApp({ clock, environment: { UNPRICED_MODELS: 'admit' } });
    sampling = new OutputSampling(app.database, clock);
  });
  afterAll(() => app.close());

  const price = async (model: string, maxOutputTokens: number) => {
    const body = {
      model,
      input_usd_per_million: '1',
      output_usd_per_million: '1',
      max_output_tokens: maxOutputTokens,
    };
    expect((await app.call('POST /v1/admin/prices', { body })).status).toBe(201);
  };
  const customer = async (entity: string, monthly_cap_usd: string | null = null) => {
    await app.limit(entity, { monthly_cap_usd, overage: 'allowed' });
    return `${entity}/p`;
  };
  const reserve = async (subject: string, model: string, order: object = {}) => {
    const { status, body } = await app.call('POST /v1/quota/reservations', {
      body: { project: subject, model, input_tokens: 0, ...order },
    });
    return status === 201
      ? `${body.hold_usd} ${body.hold_basis}`
      : `${status} ${body.error.details?.limit ?? body.error.code}`;
  };
  const reservationOf = (subject: string) => `res_${'r'.repeat(22)}.${subject.split('/')[0]}`;
  /** Books so many outputs of one size, each of a request that was reserved, and takes a sample. */
  const see = async (
    { model, subject, ...override }: Parameters<typeof anEvent>[0] & { subject: string },
    outputTokens: number,
    requests: number,
  ) => {
    const occurredAt = clock.now();
    const quantities = { input: 1, output: outputTokens };
    const reservationId = reservationOf(subject);
    await recordUsage(
      app,
      Array.from({ length: requests }, () =>
        anEvent({ model: model!, subject, occurredAt, quantities, reservationId, ...override }),
      ),
    );
    clock.advance(2 * MINUTE_MS);
    return sampling.sample();
  };
  /** The API reads sizes that are older than half a minute again, without waiting for them. */
  const expectHold = async (subject: string, model: string, expected: string) => {
    clock.advance(MINUTE_MS);
    await until(
      `${model} holds ${expected}`,
      async () => (await reserve(subject, model, { ttl_seconds: 1 })) === expected,
    );
  };

  it('is the worst case for a model with too few requests, and afterwards follows their outputs', async () => {
    await price('follower', 4_000);
    const of = { model: 'follower', subject: await customer('follower') };
    expect(await see(of, 500, REQUESTS_SEEN_MIN - 1)).toBe(REQUESTS_SEEN_MIN - 1);
    await expectHold(of.subject, 'follower', `${usdOf(4_000)} maximum`);
    await see(of, 500, 1);
    await expectHold(of.subject, 'follower', `${usdOf(512)} learned`);
    await see(of, 2_000, 100);
    await expectHold(of.subject, 'follower', `${usdOf(2_048)} learned`);
  });

  it('is never larger than the maximum of the model', async () => {
    await price('bounded', 1_000);
    const subject = await customer('bounded');
    await see({ model: 'bounded', subject }, 5_000, REQUESTS_SEEN_MIN);
    await expectHold(subject, 'bounded', `${usdOf(1_000)} maximum`);
  });

  it('holds no output for an embeddings model', async () => {
    const subject = await customer('embedder');
    expect(await see({ model: EMBEDDINGS, subject }, 0, REQUESTS_SEEN_MIN)).toBe(0);
    await expectHold(subject, EMBEDDINGS, '0 maximum');
  });

  it('is the worst case where fewer than twenty worst cases are left, so that no limit is exceeded', async () => {
    await price('near', 1_000);
    // Room for twenty worst cases and two learned holds of 107 tokens.
    const subject = await customer('near', null);
    await see({ model: 'near', subject }, 100, REQUESTS_SEEN_MIN);
    await expectHold(subject, 'near', `${usdOf(107)} learned`);
    clock.advance(1_000);
    const spent = REQUESTS_SEEN_MIN * 101;
    await customer('near', usdOf(spent + 20 * 1_000 + 2 * 107));
    const seen = [];
    for (let i = 0; i < 24; i += 1) seen.push(await reserve(subject, 'near'));
    expect(seen).toEqual([
      ...Array<string>(3).fill(`${usdOf(107)} learned`),
      ...Array<string>(19).fill(`${usdOf(1_000)} maximum`),
      ...Array<string>(2).fill('429 entity_monthly_cap'),
    ]);
    const { body } = await app.call('GET /v1/entities/near/balance');
    expect(parseUsd(body.held_usd, '')).toBeLessThanOrEqual(parseUsd(body.monthly_cap_usd, ''));
  });

  it('is never learned for a request that names its maximum', async () => {
    await price('named', 1_000);
    const subject = await customer('named');
    await see({ model: 'named', subject }, 250, REQUESTS_SEEN_MIN);
    await expectHold(subject, 'named', `${usdOf(256)} learned`);
    expect(await reserve(subject, 'named', { max_output_tokens: 900 })).toBe(`${usdOf(900)} requested`);
    expect(await reserve(subject, 'named', { max_output_tokens: 5 })).toBe(`${usdOf(5)} requested`);
  });

  it('is nothing for a model without a price where it is admitted, and says so', async () => {
    expect(await reserve(await customer('unpriced'), 'nobody-priced-it')).toBe('0 none');
  });

  it('stays nothing for a repeated request after its model got a price, and says so', async () => {
    const subject = await customer('priced-later');
    for (const order of [{ request_id: 'r1' }, { request_id: 'r2', max_output_tokens: 10 }]) {
      expect(await reserve(subject, 'priced-later', order)).toBe('0 none');
    }
    await price('priced-later', 1_000);
    for (const order of [{ request_id: 'r1' }, { request_id: 'r2', max_output_tokens: 10 }]) {
      expect(await reserve(subject, 'priced-later', order)).toBe('0 none');
    }
    expect(await reserve(subject, 'priced-later', { max_output_tokens: 10 })).toBe(`${usdOf(10)} requested`);
  });

  it('stays the same for a repeated request, whatever is learned meanwhile', async () => {
    await price('repeated', 1_000);
    const subject = await customer('repeated');
    const order = { request_id: 'r1' };
    expect(await reserve(subject, 'repeated', order)).toBe(`${usdOf(1_000)} maximum`);
    await see({ model: 'repeated', subject }, 250, REQUESTS_SEEN_MIN);
    await expectHold(subject, 'repeated', `${usdOf(256)} learned`);
    clock.advance(-3 * MINUTE_MS);
    expect(await reserve(subject, 'repeated', order)).toBe(`${usdOf(1_000)} maximum`);
    clock.advance(3 * MINUTE_MS);
  });

  describe('of one customer', () => {
    const MAX = 10_000;
    const trained = async (model: string, subject: string) => {
      await price(model, MAX);
      await customer(subject.split('/')[0]!);
      await see({ model, subject }, 3_000, REQUESTS_SEEN_MIN);
      await expectHold(subject, model, `${usdOf(3_444)} learned`);
    };

    it('learns nothing from another, however much that reports', async () => {
      await trained('shared', 'victim/p');
      for (let round = 0; round < 3; round += 1)
        await see({ model: 'shared', subject: 'flooder/p' }, 1, 1_500);
      await expectHold('victim/p', 'shared', `${usdOf(3_444)} learned`);
      await expectHold(await customer('newcomer'), 'shared', `${usdOf(MAX)} maximum`);
    });

    it.each([
      ['no output', {}, 0],
      ['no reservation', { reservationId: null }, 1],
      ['another customer’s reservation', { reservationId: reservationOf('victim') }, 1],
      ['a reservation that is none', { reservationId: 'x' }, 1],
      ['a stream that was cut', { usageSource: 'estimated' as const }, 1],
      ['another model', { model: 'another-model' }, 1],
    ])('learns nothing from usage with %s', async (what, override, output) => {
      const model = `untouched-${what.length}`;
      const subject = `${model}/p`;
      await trained(model, subject);
      for (let round = 0; round < 3; round += 1) await see({ model, subject, ...override }, output, 500);
      await expectHold(subject, model, `${usdOf(3_444)} learned`);
    });

    it('is never held below a tenth of the maximum, so that small requests do not admit large ones for nothing', async () => {
      await price('small', MAX);
      const subject = await customer('small', '10');
      for (let round = 0; round < 3; round += 1) await see({ model: 'small', subject }, 1, 1_000);
      await expectHold(subject, 'small', `${usdOf(MAX / 10)} learned`);
      expect((await sampleOf('small')).length).toBeGreaterThan(0);
    });
  });

  const sampleOf = async (model: string) =>
    (await app.postgres.pool.query('select tokens_max from output_sizes where model = $1', [model])).rows;

  describe('the sample', () => {
    const sizes = async (model: string) =>
      (
        await app.postgres.pool.query(
          'select tokens_max, requests::integer from output_sizes where model = $1 order by tokens_max',
          [model],
        )
      ).rows;

    beforeAll(async () => {
      await price('once', 1_000);
      await price('fading', 1_000);
    });

    it('counts each event once, however often it is taken, also at the same time', async () => {
      await recordUsage(
        app,
        [1, 2, 900].map((outputTokens) =>
          anEvent({
            model: 'once',
            subject: 'once/p',
            reservationId: reservationOf('once'),
            occurredAt: clock.now(),
            quantities: { input: 100, output: outputTokens },
          }),
        ),
      );
      expect(await sampling.sample()).toBe(0);
      clock.advance(2 * MINUTE_MS);
      const counts = await Promise.all([sampling.sample(), sampling.sample(), sampling.sample()]);
      expect(counts.toSorted((a, b) => a - b)).toEqual([0, 0, 3]);
      expect(await sizes('once')).toEqual([
        { tokens_max: 1, requests: 1 },
        { tokens_max: 2, requests: 1 },
        { tokens_max: 1_024, requests: 1 },
      ]);
    });

    it('counts half as much every day, and is gone when there are no more events', async () => {
      await see({ model: 'fading', subject: 'fading/p' }, 10, 9);
      const requests = [];
      for (let day = 0; day < 5; day += 1) {
        requests.push((await sizes('fading'))[0]?.requests ?? 0);
        clock.advance(DAY_MS);
        await sampling.sample();
      }
      expect(requests).toEqual([9, 4, 2, 1, 0]);
    });
  });
});
