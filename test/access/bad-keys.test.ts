import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { ApiKeys, hashOf } from '../../src/access/api-keys.js';
import {
  ADDRESSES_MAX,
  BAD_KEYS_MAX,
  BadKeys,
  networkOf,
  WINDOW_SECONDS,
} from '../../src/access/bad-keys.js';
import type { ExistingKeys } from '../../src/access/existing-keys.js';
import { Logger } from '../../src/platform/logger.js';
import { Metrics } from '../../src/platform/metrics.js';
import { anApp, type TestApp } from '../support/app.js';
import { until } from '../support/until.js';

describe('bad keys over HTTP', () => {
  let app: TestApp;
  beforeAll(async () => {
    app = await anApp();
  });
  afterAll(() => app.close());

  const RESERVE = { body: { project: 'entity1/project1', model: 'm' } };
  const PATHS: [string, object][] = [
    ['GET /v1/entities', {}],
    ['POST /v1/quota/reservations', RESERVE],
    ['POST /v1/admin/keys', { body: { name: 'k', role: 'gateway' } }],
  ];
  let sent = 0;
  const bad = (path = 'GET /v1/entities', options = {}) =>
    app.call(path, { ...options, key: `sk-tally-nobody-${(sent += 1)}` });

  it('are limited by address on every door: a 429 with retry-after, without a query', async () => {
    const lookUps = jest.spyOn(ApiKeys.prototype, 'authenticate');
    const answers = await Promise.all(Array.from({ length: 120 }, (_, n) => bad(...PATHS[n % 3]!)));
    const statuses = answers.map(({ status }) => status);
    expect(statuses.filter((status) => status === 401)).toHaveLength(BAD_KEYS_MAX);
    expect(statuses.filter((status) => status === 429)).toHaveLength(120 - BAD_KEYS_MAX);
    expect(lookUps).toHaveBeenCalledTimes(BAD_KEYS_MAX);
    lookUps.mockRestore();
    const limited = answers.find(({ status }) => status === 429)!;
    expect(limited.body.error).toEqual({
      message: 'Rate limit reached for requests',
      type: 'requests',
      param: null,
      code: 'rate_limit_exceeded',
    });
    const seconds = Number(limited.headers.get('retry-after'));
    expect(seconds >= 1 && seconds <= WINDOW_SECONDS).toBe(true);
  });

  it('what is no key at all is limited with them, and no header of the caller changes the address', async () => {
    await exhaust();
    const tries: Record<string, string>[] = [
      { authorization: 'Basic Zm9vOmJhcg==' },
      { authorization: `Bearer ${'x'.repeat(2_000)}` },
      { authorization: 'Bearer other', 'x-forwarded-for': '203.0.113.9', forwarded: 'for=203.0.113.9' },
    ];
    for (const headers of tries)
      expect((await app.call('GET /v1/entities', { key: null, headers })).status).toBe(429);
  });

  it('a good key behind the same address is never refused for them, also at its first use', async () => {
    const { body: made } = await app.call('POST /v1/admin/keys', {
      body: { name: 'k', role: 'finance', entity: null },
    });
    const gateway = await app.key('gateway');
    await exhaust();
    // What a restarted process knows: nothing.
    const lookUps = jest.spyOn(ApiKeys.prototype, 'authenticate');
    await app.call('GET /v1/entities', { key: gateway });
    (lookUps.mock.contexts[0] as ApiKeys).invalidate();
    lookUps.mockRestore();
    for (const key of [made.secret, app.adminKey])
      expect((await app.call('GET /v1/entities', { key })).status).toBe(200);
    const reserved = await app.call('POST /v1/quota/reservations', { key: gateway, ...RESERVE });
    expect(reserved.status).not.toBe(429);
  });

  it('a good key of another process is known within a second or two', async () => {
    await exhaust();
    await app.postgres.pool.query(
      `insert into api_keys (id, name, role, secret_hash, created_at) values ('key_other', 'k', 'finance', $1, now())`,
      [hashOf('sk-tally-of-another-process')],
    );
    await until('the key works', async () => {
      await bad();
      return (await app.call('GET /v1/entities', { key: 'sk-tally-of-another-process' })).status === 200;
    });
  });

  it('a revoked key is a bad key', async () => {
    const { body: made } = await app.call('POST /v1/admin/keys', { body: { name: 'k', role: 'finance' } });
    await app.call(`DELETE /v1/admin/keys/${made.id}`);
    const status = async () => (await app.call('GET /v1/entities', { key: made.secret })).status;
    expect([401, 429]).toContain(await status());
  });

  it('are counted in the metrics', async () => {
    await exhaust();
    await app.call('GET /v1/entities', { key: null });
    const { text } = await app.call('GET /metrics');
    for (const outcome of ['refused', 'limited', 'missing'])
      expect(text).toMatch(new RegExp(`tally_bad_keys_total\\{outcome="${outcome}"\\} [1-9]`));
  });

  async function exhaust(): Promise<void> {
    await until('the address is over its limit', async () => (await bad()).status === 429);
  }
});

describe('the limit of bad keys', () => {
  const lines: object[] = [];
  class Recording extends Logger {
    override warn(event: string, fields = {}): void {
      lines.push({ event, ...fields });
    }
  }
  const nobody = async () => null;
  const noKeys = { mayHold: async () => false } as unknown as ExistingKeys;
  const limit = () => new BadKeys(noKeys, new Recording('silent'), new Metrics());

  it('logs a line for an address and window, with counts and without a secret', async () => {
    const keys = limit();
    lines.length = 0;
    for (let n = 0; n < 200; n += 1) await keys.lookUp('192.0.2.1', hashOf(`s${n}`), nobody).catch(() => {});
    await keys.lookUp('192.0.2.2', hashOf('s'), nobody);
    keys.report();
    const window = { event: 'bad API keys', window_seconds: WINDOW_SECONDS };
    expect(lines).toEqual([
      { ...window, address: '192.0.2.1', count: 200, limited: 200 - BAD_KEYS_MAX },
      { ...window, address: '192.0.2.2', count: 1, limited: 0 },
    ]);
    keys.report();
    expect(lines).toHaveLength(2);
  });

  it('is of each address alone', async () => {
    const keys = limit();
    const attempts = Array.from({ length: BAD_KEYS_MAX }, () =>
      keys.lookUp('192.0.2.1', hashOf('s'), nobody),
    );
    await Promise.all(attempts);
    await expect(keys.lookUp('192.0.2.1', hashOf('s'), nobody)).rejects.toMatchObject({
      code: 'rate_limit_exceeded',
    });
    expect(await keys.lookUp('192.0.2.2', hashOf('s'), nobody)).toBeNull();
  });

  it('is not reached by good keys, and not by lookups that fail', async () => {
    const keys = limit();
    for (let n = 0; n < 3 * BAD_KEYS_MAX; n += 1) {
      expect(await keys.lookUp('192.0.2.1', hashOf('s'), async () => 'good')).toBe('good');
      await expect(
        keys.lookUp('192.0.2.1', hashOf('s'), () => Promise.reject(new Error('away'))),
      ).rejects.toThrow('away');
    }
    expect(await keys.lookUp('192.0.2.1', hashOf('s'), nobody)).toBeNull();
  });

  it('forgets what is oldest above its bound, and a window of many addresses is few lines', async () => {
    const keys = limit();
    lines.length = 0;
    for (let n = 0; n <= ADDRESSES_MAX + 5; n += 1)
      await keys.lookUp(`10.${n >> 16}.${(n >> 8) & 255}.${n & 255}`, hashOf('s'), nobody);
    keys.report();
    expect(lines.length).toBeLessThan(200);
    const counts = lines.map((line) => (line as { count: number }).count);
    expect(counts.reduce((a, b) => a + b, 0)).toBe(ADDRESSES_MAX + 6);
  });
});

describe('the address that is limited', () => {
  it.each([
    ['192.0.2.1', '192.0.2.1'],
    ['::ffff:192.0.2.1', '192.0.2.1'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
    ['2001:db8:1:2::9', '2001:db8:1:2::/64'],
    ['2001:0DB8:0001:0002::9', '2001:db8:1:2::/64'],
    ['::1', '0:0:0:0::/64'],
    ['fe80::1%eth0', 'fe80:0:0:0::/64'],
    ['', ''],
  ])('of %s is %s', (address, network) => {
    expect(networkOf(address)).toBe(network);
  });
});
