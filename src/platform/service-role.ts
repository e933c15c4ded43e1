/** The role that the service works as: it can add to what is append only, and change nothing of it. */
import { Client, DatabaseError } from 'pg';
import { connectionOf, withOptions } from './database-address.js';
import { pooledSessions } from './pooled-sessions.js';
import { postgresFailure } from './postgres-errors.js';
import { readSessionSchema, takeRole } from './service-role.sql.js';

export const SERVICE_ROLE = 'tally_service';
const ROLE_OPTION = `-c role=${SERVICE_ROLE}`;

/** What Postgres says where the role does not exist, and where the user may not take it on. */
const REFUSALS: ReadonlySet<string | undefined> = new Set(['22023', '42501']);

/** The same address with the rights of the service: each session takes the role on when it begins. */
export function asService(databaseUrl: string): string {
  return withOptions(databaseUrl, ROLE_OPTION);
}

/** Whether the address is one that `asService` made. */
export function takesRole(databaseUrl: string): boolean {
  return (new URL(databaseUrl).searchParams.get('options') ?? '').endsWith(ROLE_OPTION);
}

/** Whether the address' user may take the role on. Throws Unavailable. */
export async function mayServe(databaseUrl: string, pooled = false): Promise<boolean> {
  const client = new Client(pooled ? pooledSessions(databaseUrl, null).config : connectionOf(databaseUrl));
  try {
    await client.connect();
    await takeRole(client, SERVICE_ROLE);
    return true;
  } catch (error) {
    if (error instanceof DatabaseError && REFUSALS.has(error.code)) return false;
    throw postgresFailure(error);
  } finally {
    await client.end().catch(() => {});
  }
}

/** The schema in which sessions of the address find tables; null where they find none. Throws Unavailable. */
export async function schemaOfSessions(databaseUrl: string, pooled = false): Promise<string | null> {
  const { config, local } = pooled
    ? pooledSessions(databaseUrl, null)
    : { config: connectionOf(databaseUrl), local: [] };
  const client = new Client(config);
  try {
    await client.connect();
    return await readSessionSchema(client, local);
  } catch (error) {
    throw postgresFailure(error);
  } finally {
    await client.end().catch(() => {});
  }
}
