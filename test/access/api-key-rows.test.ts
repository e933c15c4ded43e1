import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { insertKey, listKeys, revokeKey } from '../../src/access/api-key-rows.js';
import type { EntityName } from '../../src/domain/ids.js';
import type { KeyRole } from '../../src/domain/key-roles.js';
import { Database } from '../../src/platform/database.js';
import { aDatabase, type TestDatabase } from '../support/database.js';

const MADE_AT = new Date('2026-11-20T10:00:00Z');

describe('the rows of API keys', () => {
  let postgres: TestDatabase;
  let database: Database;
  beforeAll(async () => {
    postgres = await aDatabase();
    database = new Database({ url: postgres.url });
    for (const [index, entity] of ['a', 'b', 'a', 'b', 'a'].entries()) {
      // Two each have the same time, which their ids tell apart.
      const createdAt = new Date(MADE_AT.getTime() + Math.floor(index / 2));
      const key = {
        name: 'k',
        role: 'gateway',
        entity: entity as EntityName,
        source: null,
        createdAt,
      } as const;
      await insertKey(database.reader, { ...key, id: `key_${index}`, secretHash: `hash ${index}` });
    }
  });
  afterAll(async () => {
    await database.close();
    await postgres.drop();
  });

  const ids = async (page: { entity: string | null; after: string | null }): Promise<string[]> =>
    (await listKeys(database.reader, { ...page, limit: 3 })).map(({ id }) => id);

  it('are listed newest first, page by page, each once', async () => {
    expect(await ids({ entity: null, after: null })).toEqual(['key_4', 'key_3', 'key_2']);
    expect(await ids({ entity: null, after: 'key_2' })).toEqual(['key_1', 'key_0']);
    expect(await ids({ entity: null, after: 'key_0' })).toEqual([]);
  });

  it("go on behind another entity's key without leaving one out, and end behind an unknown one", async () => {
    expect(await ids({ entity: 'a', after: 'key_3' })).toEqual(['key_2', 'key_0']);
    expect(await ids({ entity: 'a', after: 'key_none' })).toEqual([]);
  });

  it('are added once for each secret, and keep the time at which they were first revoked', async () => {
    const key = { name: 'k', role: 'gateway', entity: null, source: null, createdAt: MADE_AT } as const;
    expect(await insertKey(database.reader, { ...key, id: 'key_again', secretHash: 'hash 0' })).toBeNull();
    const revoke = (at: Date, entity: string | null, roles: readonly KeyRole[] | null = null) =>
      revokeKey(database.reader, { id: 'key_1', entity, roles, at });
    expect(await revoke(MADE_AT, 'b', ['finance'])).toBeNull();
    expect(await revoke(MADE_AT, 'a')).toBeNull();
    expect(await revoke(MADE_AT, 'b')).toMatchObject({ id: 'key_1', revokedAt: MADE_AT });
    expect(await revoke(new Date(), null)).toMatchObject({ revokedAt: MADE_AT });
  });
});
