/** Which countries the gateway refuses, by what edges write into X-Client-Country. */
import { once } from 'node:events';
import { request as httpRequest, type IncomingMessage } from 'node:http';
import { describe, expect, it } from '@jest/globals';
import { pino } from 'pino';
import { CallerKeys } from '../../packages/gateway/src/caller-keys.js';
import { identify } from '../../packages/gateway/src/callers.js';
import { loadConfig } from '../../packages/gateway/src/config.js';
import { aFakeTally } from '../support/fake-tally.js';
import { aGateway } from '../support/gateway.js';

const TALLY_API_KEY = 'secret';
const withKey = { authorization: 'Bearer some-key-value' };

/** What a gateway knows of its callers, by its environment. */
function knownTo(env: Record<string, string>) {
  const { blockedCountries, callerKeys: listed } = loadConfig({ TALLY_API_KEY, ...env });
  const logger = pino({ level: 'silent' });
  return { blockedCountries, keys: new CallerKeys({ listed, file: undefined, introspection: null, logger }) };
}

async function isRefused(country: string, blocked?: ReadonlySet<string>): Promise<boolean> {
  const known = knownTo(blocked === undefined ? {} : { GATEWAY_BLOCKED_COUNTRIES: [...blocked].join(',') });
  return identify({ ...withKey, 'x-client-country': country }, known).then(
    () => false,
    () => true,
  );
}

describe('a caller', () => {
  it.each([
    'IR',
    'ir',
    ' Ir ',
    'IR,US',
    'US,IR',
    'US, ir',
    'US;KP',
    'US CU',
    'US\tSY',
    ',IR',
    'DE,,IR',
    'IR-07',
    'us-ca, ir-07',
    'Iran',
    'IRN',
    'I',
    '??',
    'US,Iran',
    '"IR"',
    'IR=1',
    'US-',
    'ＩＲ',
  ])('with the country %j is blocked: any blocked name, and what is no country', async (country) => {
    expect(await isRefused(country)).toBe(true);
  });

  it.each(['US', 'us', ' de ', 'DE,US', 'US-CA', 'XX', 'T1', '', ' ', ','])(
    'with the country %j is not: no blocked name, or none at all',
    async (country) => {
      expect(await isRefused(country)).toBe(false);
    },
  );

  it('with two headers is blocked by either', async () => {
    const tally = await aFakeTally();
    const gateway = await aGateway(tally);
    const statuses = [];
    for (const [one, other] of [
      ['US', 'IR'],
      ['IR', 'US'],
      ['US', 'DE'],
    ]) {
      const headers = ['Host', 'x', 'X-Client-Country', one!, 'x-client-country', other!];
      const call = httpRequest(`${gateway.url}/v1/models`, { headers }).end();
      const [response] = (await once(call, 'response')) as [IncomingMessage];
      response.resume();
      statuses.push(response.statusCode);
    }
    // The third has no key.
    expect(statuses).toEqual([403, 403, 401]);
    await gateway.close();
    await tally.stop();
  });

  it('is not looked at where no country is blocked', async () => {
    expect(await isRefused('Iran', new Set())).toBe(false);
    expect(await isRefused('t1', new Set(['T1']))).toBe(true);
  });

  it('has an id that nobody can find by trying keys fast, and the same in every gateway', async () => {
    const environments: Record<string, string>[] = [
      {},
      { GATEWAY_KEYS: 'other:entity2,some-key-value:entity1' },
    ];
    const gateways = environments.map(knownTo);
    const callers = await Promise.all(gateways.map((known) => identify(withKey, known)));
    const ids = callers.map(({ apiKeyId }) => apiKeyId);
    expect(ids[0]).toMatch(/^key_[0-9a-f]{12}$/);
    expect(new Set(ids).size).toBe(1);
  });
});
