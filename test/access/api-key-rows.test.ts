import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { findKey, insertKey, listKeys, type KeyFilter } from '../../src/access/api-key-rows.js';
import type { EntityName } from '../../src/domain/ids.js';
import { Database } from '../../src/platform/database.js';
import { aDatabase, type TestDatabase } from '../support/database.js';

const MADE_AT = new Date('2026-11-20T10:00:00Z');
const ANY: KeyFilter = { entity: null, roles: null, state: null };

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

  const ids = async (filter: KeyFilter, after: string | null = null): Promise<string[]> => {
    const last = after === null ? null : await findKey(database.reader, after, ANY);
    const rows = await listKeys(database.reader, filter, { after: last, limit: 3, now: new Date() });
    return rows.map(({ id }) => id);
  };

  it('are listed newest first, page by page, each once', async () => {
    expect(await ids(ANY)).toEqual(['key_4', 'key_3', 'key_2']);
    expect(await ids(ANY, 'key_2')).toEqual(['key_1', 'key_0']);
    expect(await ids(ANY, 'key_0')).toEqual([]);
    expect(await ids({ ...ANY, entity: 'a' }, 'key_4')).toEqual(['key_2', 'key_0']);
  });

  it('are found within a scope alone', async () => {
    const found = async (scope: Partial<KeyFilter>) =>
      (await findKey(database.reader, 'key_1', { ...ANY, ...scope }))?.id ?? null;
    expect(await found({})).toBe('key_1');
    expect(await found({ entity: 'b', roles: ['gateway'] })).toBe('key_1');
    expect(await found({ entity: 'a' })).toBeNull();
    expect(await found({ roles: ['finance'] })).toBeNull();
  });

  it('are added once for each secret', async () => {
    const key = { name: 'k', role: 'gateway', entity: null, source: null, createdAt: MADE_AT } as const;
    expect(await insertKey(database.reader, { ...key, id: 'key_again', secretHash: 'hash 0' })).toBeNull();
  });
});
