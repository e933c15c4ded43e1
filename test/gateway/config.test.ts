/** The gateway's environment. */
import { describe, expect, it } from '@jest/globals';
import { loadConfig } from '../../packages/gateway/src/config.js';

const TALLY_API_KEY = 'secret';

describe('the environment', () => {
  it('needs only a key for Tally', () => {
    expect(loadConfig({ TALLY_API_KEY, GATEWAY_ID: 'eu-1' })).toEqual({
      port: 8080,
      host: '127.0.0.1',
      tallyUrl: 'http://127.0.0.1:3000',
      tallyApiKey: TALLY_API_KEY,
      redisUrl: undefined,
      callerKeys: new Map([['some-key-value', 'entity1']]),
      hasDefaultKey: true,
      blockedCountries: new Set(['CU', 'IR', 'KP', 'SY']),
      modelCapacity: 256,
      modelDelayMs: 0,
      leases: false,
      gatewayId: 'eu-1',
    });
  });

  it('is read once and cannot be changed', () => {
    expect(Object.isFrozen(loadConfig({ TALLY_API_KEY }))).toBe(true);
  });

  it('may block no country and name several keys, even with colons in them', () => {
    const config = loadConfig({
      TALLY_API_KEY,
      GATEWAY_BLOCKED_COUNTRIES: '',
      GATEWAY_KEYS: 'a:b:entity1, c:entity2',
    });
    expect(config.blockedCountries.size).toBe(0);
    expect([...config.callerKeys]).toEqual([
      ['a:b', 'entity1'],
      ['c', 'entity2'],
    ]);
  });

  it('lists everything that is wrong at once, without the secrets', () => {
    const env = {
      GATEWAY_PORT: '80.5',
      TALLY_URL: 'tally',
      REDIS_URL: 'http://x',
      GATEWAY_KEYS: 'hunter2',
      GATEWAY_BLOCKED_COUNTRIES: 'Cuba',
      GATEWAY_MODEL_CAPACITY: '0',
      GATEWAY_MODEL_DELAY_MS: '-1',
      GATEWAY_LEASES: 'maybe',
      GATEWAY_METRICS_PORT: '65536',
      GATEWAY_ID: 'a b',
    };
    const wrong = ['TALLY_API_KEY', ...Object.keys(env)];
    const load = () => loadConfig(env);
    for (const name of wrong) expect(load).toThrow(name);
    expect(load).not.toThrow('hunter2');
  });

  it('refuses a key that is named twice', () => {
    expect(() => loadConfig({ TALLY_API_KEY, GATEWAY_KEYS: 'a:entity1,a:entity2' })).toThrow(
      'names a key twice',
    );
  });

  it('has the default key for the canned model alone, and knows that it is that one', () => {
    expect(loadConfig({ TALLY_API_KEY, GATEWAY_KEYS: '' }).hasDefaultKey).toBe(true);
    expect(loadConfig({ TALLY_API_KEY, GATEWAY_KEYS: 'a:entity1' }).hasDefaultKey).toBe(false);
    const upstream = { TALLY_API_KEY, GATEWAY_UPSTREAM_URL: 'http://model', GATEWAY_UPSTREAM_KEY: 'hunter2' };
    for (const name of ['GATEWAY_KEYS: must be set', 'GATEWAY_UPSTREAM_URL: ', 'GATEWAY_UPSTREAM_KEY: '])
      expect(() => loadConfig(upstream)).toThrow(name);
    expect(() => loadConfig({ ...upstream, GATEWAY_KEYS: 'a:entity1' })).not.toThrow(/GATEWAY_KEYS|hunter2/);
  });
});
