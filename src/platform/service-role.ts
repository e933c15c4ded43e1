/** The role that the service works as: it can add to what is append only, and change nothing of it. */
import { Client, DatabaseError } from 'pg';
import { connectionOf } from './database-address.js';
import { postgresFailure } from './postgres-errors.js';
import { readRole, readSessionSchema } from './service-role.sql.js';

export const SERVICE_ROLE = 'tally_service';

/** What Postgres says where the role does not exist, and where the user may not take it on. */
const REFUSALS: ReadonlySet<string | undefined> = new Set(['22023', '42501']);

/** The same address with the rights of the service: each session takes the role on when it begins. */
export function asService(databaseUrl: string): string {
  const address = new URL(databaseUrl);
  const own = address.searchParams.get('options');
  const role = `-c role=${SERVICE_ROLE}`;
  address.searchParams.set('options', own === null ? role : `${own} ${role}`);
  return address.href;
}

/** Whether sessions of the address' user take the role on: a pooler may drop what is asked for at their start. Throws Unavailable. */
export async function mayServe(databaseUrl: string): Promise<boolean> {
  const client = new Client(connectionOf(asService(databaseUrl)));
  try {
    await client.connect();
    return (await readRole(client)) === SERVICE_ROLE;
  } catch (error) {
    if (error instanceof DatabaseError && REFUSALS.has(error.code)) return false;
    throw postgresFailure(error);
  } finally {
    await client.end().catch(() => {});
  }
}

/** The schema in which sessions of the address find tables; null where they find none. Throws Unavailable. */
export async function schemaOfSessions(databaseUrl: string): Promise<string | null> {
  const client = new Client(connectionOf(databaseUrl));
  try {
    await client.connect();
    return await readSessionSchema(client);
  } catch (error) {
    throw postgresFailure(error);
  } finally {
    await client.end().catch(() => {});
  }
}
