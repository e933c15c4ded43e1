/** The first admin key: given by the operator or, with the embedded database, made once and kept in a file. */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { randomId } from '../domain/ids.js';
import { findKeyByHash, hasAdminKey, insertKey } from './api-key-rows.js';
import { insertAuditEntry } from './audit-log.js';
import { Clock } from '../platform/clock.js';
import type { Database } from '../platform/database.js';
import { hashOf, newSecret } from './api-keys.js';

/**
 * Makes sure that an admin key exists, or returns what the operator must do. `print` gets a newly made key; `databaseUrl` null is the
 * embedded database.
 */
export async function ensureFirstAdminKey(
  database: Database,
  given: { adminApiKey: string | null; databaseUrl: string | null; dataDir: string },
  print: (message: string) => void,
): Promise<string | null> {
  if (given.adminApiKey !== null) await addKey(database, given.adminApiKey);
  else if (given.databaseUrl === null) await ensureKeyFile(database, given.dataDir, print);
  if (await hasAdminKey(database.reader, new Clock().now())) return null;
  return given.adminApiKey === null
    ? 'ADMIN_API_KEY must be set: the database holds no admin key yet'
    : 'ADMIN_API_KEY was revoked or belongs to another role, and the database holds no other admin key';
}

/** Keeps the file's key while the database knows it; a lost or revoked key is replaced by a new one. */
async function ensureKeyFile(
  database: Database,
  dataDir: string,
  print: (message: string) => void,
): Promise<void> {
  const file = join(dataDir, 'admin-key');
  const kept = (await readFile(file, 'utf8').catch(() => '')).trim();
  if (kept !== '') {
    await addKey(database, kept);
    if ((await findKeyByHash(database.reader, hashOf(kept))) !== null) return;
    if (await hasAdminKey(database.reader, new Clock().now())) return;
  }
  const secret = newSecret();
  await addKey(database, secret);
  await mkdir(dataDir, { recursive: true });
  await writeFile(file, `${secret}\n`, { mode: 0o600 });
  print(`first admin key (also in ${file}): ${secret}`);
}

/** Changes nothing where the key is known, even if it was revoked. Several processes may do this at once. */
async function addKey(database: Database, secret: string): Promise<void> {
  await database.transaction(async (tx) => {
    const createdAt = await new Clock().bookingTime(tx);
    const key = {
      id: randomId('key'),
      name: 'first admin key',
      role: 'admin',
      entity: null,
      source: null,
    } as const;
    if ((await insertKey(tx, { ...key, secretHash: hashOf(secret), createdAt })) === null) return;
    const { id: target, name, role, entity } = key;
    await insertAuditEntry(tx, {
      at: createdAt,
      actor: 'system',
      action: 'keys.create',
      entity,
      target,
      before: null,
      after: { name, role, entity },
    });
  });
}
