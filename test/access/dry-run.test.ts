import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { ChangeCall, Concerned } from '../../src/access/changes.js';
import type { EntityName } from '../../src/domain/ids.js';
import { Restart } from '../../src/platform/database.js';
import { theBooks, type Books } from '../support/books.js';

const entity = 'dry' as EntityName;
const CONCERNED: Concerned[] = [{ entity, project: null }];

let books: Books;
const announced: (readonly Concerned[])[] = [];
beforeAll(async () => {
  books = await theBooks();
  await books.database.transaction((tx) => books.accounts.ensureEntity(tx, entity, books.clock.now()));
  books.changes.onCommit(async (concerned) => void announced.push(concerned));
});
afterAll(() => books.close());

const call: ChangeCall = {
  principal: { keyId: 'key_dry', role: 'admin', entity: null, source: null },
  caller: { actor: 'key_dry', role: 'admin', requestId: 'req_1', address: null },
  idempotency: { key: 'dry-1', requestHash: 'hash', entity: null, secret: 'secret' },
  status: 201,
  markReplayed: () => expect(true).toBe(false),
};

const buy = (dryRun: boolean, amountPicos = 5n) =>
  books.changes.make(
    call,
    CONCERNED,
    async (tx) => {
      const grant = await books.grants.grant(tx, {
        entity,
        amountPicos,
        category: 'paid',
        priority: 50,
        effectiveAt: null,
        expiresAt: amountPicos < 0n ? new Date(0) : null,
        reference: null,
        note: null,
        actor: 'key_dry',
      });
      return { remaining: String(grant.remainingPicos) };
    },
    { dryRun },
  );

/** All rows of all tables, counted: a dry run leaves none anywhere. */
async function rows(): Promise<Record<string, string>> {
  const { rows: tables } = await books.postgres.pool.query<{ name: string }>(
    `select relname as name from pg_class where relkind in ('r', 'p') and relnamespace = 'public'::regnamespace order by 1`,
  );
  const counts = tables.map(
    async ({ name }) =>
      [name, (await books.postgres.pool.query(`select count(*) from ${name}`)).rows[0].count] as const,
  );
  return Object.fromEntries(await Promise.all(counts));
}

describe('a dry run', () => {
  it('answers as the change would, and nothing is stored, audited, kept for a repetition or published', async () => {
    const before = await rows();
    expect(await buy(true)).toEqual({ remaining: '5' });
    expect(await buy(true)).toEqual({ remaining: '5' });
    expect(await rows()).toEqual(before);
    expect(announced).toEqual([]);
    expect(await buy(false)).toEqual({ remaining: '5' });
    expect(await rows()).not.toEqual(before);
    expect(announced).toEqual([CONCERNED]);
  });

  it('is refused for what the change is refused for', async () => {
    await expect(buy(true, -1n)).rejects.toMatchObject({ code: 'invalid_request', param: 'expires_at' });
  });

  it('starts again where the change would', async () => {
    let attempts = 0;
    const answer = await books.changes.make(
      call,
      [],
      async () => ((attempts += 1) < 3 ? new Restart('try') : { attempts }),
      { dryRun: true },
    );
    expect(answer).toEqual({ attempts: 3 });
  });

  it('locks nothing after its answer', async () => {
    await buy(true);
    const { rows: locks } = await books.postgres.pool.query(
      `select from pg_locks where locktype in ('transactionid', 'advisory') and pid <> pg_backend_pid()
       and database = (select oid from pg_database where datname = current_database())`,
    );
    expect(locks).toEqual([]);
  });
});
