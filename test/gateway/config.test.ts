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
      callerKeysFile: undefined,
      callerKeysUrl: undefined,
      callerKeysUrlKey: undefined,
      hasDefaultKey: true,
      upstreams: null,
      upstreamSilentMsMax: 600_000,
      bodyBytesMax: 33_554_432,
      stopsWithCaller: true,
      chargesCutStreams: true,
      drainMs: 30_000,
      blockedCountries: new Set(['CU', 'IR', 'KP', 'SY']),
      modelCapacity: 256,
      modelDelayMs: 0,
      leases: false,
      sampledRatio: 1,
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
      GATEWAY_KEYS_FILE: '/nowhere/keys',
      GATEWAY_KEYS_URL: 'keys.example',
      GATEWAY_UPSTREAM_URL: 'm=http://model',
      GATEWAY_UPSTREAM_KEY: 'm=hunter2,other=hunter2',
      GATEWAY_UPSTREAM_TIMEOUT_SECONDS: '0',
      GATEWAY_BODY_BYTES_MAX: '1e6',
      GATEWAY_HANG_UP: 'ignore',
      GATEWAY_CUT_STREAMS: 'no',
      GATEWAY_DRAIN_SECONDS: '-1',
      GATEWAY_BLOCKED_COUNTRIES: 'Cuba',
      GATEWAY_MODEL_CAPACITY: '0',
      GATEWAY_MODEL_DELAY_MS: '-1',
      GATEWAY_LEASES: 'maybe',
      OTEL_TRACES_SAMPLER_ARG: '1.1',
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
    const introspected = loadConfig({ TALLY_API_KEY, GATEWAY_KEYS_URL: 'https://keys/introspect' });
    expect([introspected.hasDefaultKey, introspected.callerKeys.size]).toEqual([false, 0]);
    expect(() => loadConfig({ TALLY_API_KEY, GATEWAY_UPSTREAM_URL: 'http://model' })).toThrow(
      'GATEWAY_KEYS: must be set where there is an upstream',
    );
  });

  const upstreamsOf = (url: string, key = '') => {
    const env = { TALLY_API_KEY, GATEWAY_KEYS: 'a:entity1', GATEWAY_UPSTREAM_URL: url };
    return loadConfig({ ...env, GATEWAY_UPSTREAM_KEY: key }).upstreams;
  };

  it('names one upstream for all models, or one for each, with a key for all or for each', () => {
    const place = { url: 'http://model:8000/v1', key: 'k=' };
    expect(upstreamsOf('http://model:8000/v1', 'k=')).toEqual({ kind: 'one', place });
    const byModel = (keys: (string | null)[]) => ({
      kind: 'by model',
      places: new Map([
        ['org/a', { url: 'http://a', key: keys[0] }],
        ['b', { url: 'https://b', key: keys[1] }],
      ]),
    });
    const urls = 'org/a=http://a, b=https://b';
    expect(upstreamsOf(urls)).toEqual(byModel([null, null]));
    expect(upstreamsOf(urls, 'same==')).toEqual(byModel(['same==', 'same==']));
    expect(upstreamsOf(urls, 'b=k=')).toEqual(byModel([null, 'k=']));
  });

  it.each([
    'model:8000',
    'ftp://model',
    'http://a,http://b',
    'a=http://a,a=http://b',
    '=http://a',
    'http://user:hunter2@model',
    'http://model?key=hunter2',
  ])('refuses %s as an upstream, without repeating it', (url) => {
    expect(() => upstreamsOf(url)).toThrow(/^GATEWAY_UPSTREAM_URL: (?!.*hunter2)/);
  });

  it.each([
    [
      { GATEWAY_UPSTREAM_KEY: 'hunter2' },
      'GATEWAY_UPSTREAM_KEY: must not be set without GATEWAY_UPSTREAM_URL',
    ],
    [{ GATEWAY_KEYS_URL_KEY: 'hunter2' }, 'GATEWAY_KEYS_URL_KEY: must not be set without GATEWAY_KEYS_URL'],
  ])('refuses a key for nothing: %j', (env, message) => {
    expect(() => loadConfig({ TALLY_API_KEY, ...env })).toThrow(message);
  });
});
