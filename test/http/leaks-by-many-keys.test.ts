import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { KEYS_OF_ENTITY_MAX } from '../../src/access/managed-keys.js';
import { anApp, type TestApp } from '../support/app.js';

let app: TestApp;
beforeAll(async () => (app = await anApp()));
afterAll(() => app.close());

const make = (key: string) => app.call('POST /v1/admin/keys', { key, body: { name: 'k', role: 'gateway' } });

describe('the keys that a customer makes', () => {
  it('are so many and no more, also by rotation, until one is revoked; an admin makes more, and others theirs', async () => {
    const owner = await app.key('owner', 'entity1');
    const made = [];
    for (let count = 1; count < KEYS_OF_ENTITY_MAX; count += 1) made.push(await make(owner));
    expect(new Set(made.map(({ status }) => status))).toEqual(new Set([201]));
    const refused = await make(owner);
    expect([refused.status, refused.body.error.message]).toEqual([
      409,
      expect.stringContaining('revoke one first'),
    ]);
    const [first, second] = made.map(({ body }) => body.id as string);
    const rotate = (seconds: number) =>
      app.call(`POST /v1/admin/keys/${second}/rotate`, { key: owner, body: { overlap_seconds: seconds } });
    expect((await rotate(60)).status).toBe(409);
    expect((await rotate(0)).status).toBe(201);
    expect((await make(await app.key('owner', 'entity2'))).status).toBe(201);
    expect(await app.key('finance', 'entity1')).toMatch(/^sk-/);
    await app.call(`DELETE /v1/admin/keys/${first}`, { key: owner });
    expect((await make(owner)).status).toBe(409);
    await app.call(`DELETE /v1/admin/keys/${made[2]!.body.id}`, { key: owner });
    expect((await make(owner)).status).toBe(201);
  });
});
