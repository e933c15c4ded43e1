import OpenAI from 'openai';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { anApp, type TestApp } from '../support/app.js';

let app: TestApp;
let owner: string;
beforeAll(async () => {
  app = await anApp();
  for (const name of ['entity1', 'entity2'])
    await app.call(`PUT /v1/admin/entities/${name}`, { body: { plan: 'free' } });
  owner = await app.key('owner', 'entity1');
  await app.key('owner', 'entity2');
  await app.key('finance', 'entity1');
});
afterAll(() => app.close());

const clientOf = (key: string) =>
  new OpenAI({ apiKey: 'unused', adminAPIKey: key, baseURL: `${app.url}/v1`, maxRetries: 0 }).admin
    .organization;

describe("OpenAI's client", () => {
  it("lists the organization's admin keys, which are its owners', and gets one", async () => {
    const { data } = await clientOf(owner).adminAPIKeys.list();
    expect(data).toEqual([
      expect.objectContaining({ object: 'organization.admin_api_key', redacted_value: 'sk-tally-…' }),
    ]);
    expect(await clientOf(owner).adminAPIKeys.retrieve(data[0]!.id)).toEqual(data[0]);
    await expect(clientOf(owner).adminAPIKeys.retrieve('key_none')).rejects.toMatchObject({ status: 404 });
  });

  it("lists the organization's audit log, and nobody else's", async () => {
    const { data } = await clientOf(owner).auditLogs.list();
    const types = data.map(({ type }) => type as string);
    expect(types.filter((type) => type.startsWith('keys.'))).toEqual(['keys.create', 'keys.create']);
    expect(data[0]).toMatchObject({ actor: { type: 'api_key' }, effective_at: expect.any(Number) });
    const ids = new Set(data.map(({ id }) => id));
    const { body } = await app.call('GET /v1/admin/audit_log?entity=entity2');
    expect(body.data.filter(({ id }: { id: string }) => ids.has(id))).toEqual([]);
  });
});
