/** Where a gateway knows its callers' keys from: the environment, a file that may change, and a service that it asks. */
import { renameSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { aFakeTally, type FakeTally } from '../support/fake-tally.js';
import { aGateway, type TestGateway } from '../support/gateway.js';
import { aModelServer, json, type ModelServer } from '../support/model-server.js';
import { until } from '../support/until.js';

let tally: FakeTally;
let gateway: TestGateway;
let directory: string;

beforeEach(async () => {
  tally = await aFakeTally();
  directory = await mkdtemp(join(tmpdir(), 'tally-keys-'));
});

afterEach(async () => {
  await gateway.close();
  await tally.stop();
  await rm(directory, { recursive: true });
});

async function statusOf(headers: Record<string, string>): Promise<number> {
  const { status } = await fetch(`${gateway.url}/v1/models`, { headers });
  return status;
}

const bearer = (key: string) => statusOf({ authorization: `Bearer ${key}` });

describe('keys in a file', () => {
  it('are valid beside those of the environment, and in the header of Anthropic as well', async () => {
    const file = join(directory, 'keys');
    writeFileSync(file, '# ours\nin-file:entity2\n\nother:with:colons:entity1, third:entity3\n');
    gateway = await aGateway(tally, { env: { GATEWAY_KEYS: 'in-env:entity1', GATEWAY_KEYS_FILE: file } });
    for (const key of ['in-env', 'in-file', 'other:with:colons', 'third']) {
      expect(await bearer(key)).toBe(200);
      expect(await statusOf({ 'x-api-key': key })).toBe(200);
    }
    expect(await bearer('some-key-value')).toBe(401);
    expect(await bearer('# ours')).toBe(401);
  });

  it('are read again when it changes, and stay where it is wrong', async () => {
    const file = join(directory, 'keys');
    writeFileSync(file, 'old:entity1');
    gateway = await aGateway(tally, { env: { GATEWAY_KEYS: '', GATEWAY_KEYS_FILE: file } });
    expect([await bearer('old'), await bearer('new')]).toEqual([200, 401]);

    writeFileSync(join(directory, 'next'), 'new:entity1');
    renameSync(join(directory, 'next'), file);
    await until('the new key is valid', async () => (await bearer('new')) === 200);
    expect(await bearer('old')).toBe(401);

    writeFileSync(file, 'secret-without-an-entity');
    await until('the mistake is in the log', () =>
      gateway.logLines.join('').includes('GATEWAY_KEYS_FILE is wrong'),
    );
    expect(await bearer('new')).toBe(200);
    expect(gateway.logLines.join('')).not.toContain('secret-without');
  });
});

describe('keys that a service knows', () => {
  let service: ModelServer;
  let now: Date;

  beforeEach(async () => {
    now = new Date('2026-11-22T12:00:00Z');
    service = await aModelServer(json({ active: true, entity: 'entity1' }));
    gateway = await aGateway(tally, {
      env: { GATEWAY_KEYS: '', GATEWAY_KEYS_URL: `${service.url}/introspect`, GATEWAY_KEYS_URL_KEY: 'own' },
      deps: { now: () => now },
    });
  });

  afterEach(() => service.close());

  const later = (seconds: number) => (now = new Date(now.getTime() + seconds * 1_000));

  it('are asked for as RFC 7662 says, once a minute', async () => {
    expect(await Promise.all([bearer('a&b=c'), bearer('a&b=c')])).toEqual([200, 200]);
    expect(service.asked).toHaveLength(1);
    const [{ method, url, headers, body }] = service.asked as [ModelServer['asked'][0]];
    expect([method, url, headers.authorization]).toEqual(['POST', '/introspect', 'Bearer own']);
    expect(headers['content-type']).toBe('application/x-www-form-urlencoded');
    expect([...new URLSearchParams(body.toString())]).toEqual([
      ['token', 'a&b=c'],
      ['token_type_hint', 'access_token'],
    ]);
    later(59);
    await bearer('a&b=c');
    expect(service.asked).toHaveLength(1);
    later(2);
    service.answer = json({ active: false });
    expect(await bearer('a&b=c')).toBe(401);
    expect(service.asked).toHaveLength(2);
  });

  it('that are not active are refused, and asked for again after ten seconds', async () => {
    service.answer = json({ active: false, entity: 'entity1' });
    expect([await bearer('k'), await bearer('k')]).toEqual([401, 401]);
    expect(service.asked).toHaveLength(1);
    service.answer = json({ active: true, sub: 'entity1' });
    later(11);
    expect(await bearer('k')).toBe(200);
  });

  it.each([
    { what: 'has expired', answer: { active: true, entity: 'entity1', exp: 1_000 } },
    { what: 'is called active by a text', answer: { active: 'true', entity: 'entity1' } },
    { what: 'has no entity', answer: { active: true } },
    { what: 'has an entity that cannot be one', answer: { active: true, entity: 'a/b' } },
  ])('one that $what is refused', async ({ answer }) => {
    service.answer = json(answer);
    expect(await bearer('k')).toBe(401);
  });

  it('is valid no longer than it says', async () => {
    service.answer = json({ active: true, entity: 'entity1', exp: now.getTime() / 1_000 + 5 });
    expect(await bearer('k')).toBe(200);
    service.answer = json({ active: false });
    later(6);
    expect(await bearer('k')).toBe(401);
  });

  it.each([
    { what: 'answers an error', answer: json({ active: true, entity: 'entity1' }, 500) },
    { what: 'answers no JSON', answer: json('<html>') },
    { what: 'answers something else', answer: json({ ok: true }) },
    {
      what: 'hangs up',
      answer: (response: { socket: { destroy(): void } | null }) => response.socket?.destroy(),
    },
  ])('while it $what: a key that was valid lately stays so, and others get 503', async ({ answer }) => {
    expect(await bearer('known')).toBe(200);
    service.answer = answer;
    later(300);
    expect([await bearer('known'), await bearer('unknown')]).toEqual([200, 503]);
    later(301);
    expect(await bearer('known')).toBe(503);
    expect(gateway.logLines.join('')).toContain('GATEWAY_KEYS_URL cannot be asked');
    expect(gateway.logLines.join('')).not.toMatch(/"own"|Bearer own/);
  });
});
