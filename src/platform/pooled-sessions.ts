/**
 * Behind a pooler sessions belong to nobody: it refuses what is asked for at their start (PgBouncer by default), or drops it, and what is set in
 * one stays for the next client. There, role, schema and time limits are set in each transaction, for that transaction alone.
 */
import { Client, DatabaseError, type ClientConfig } from 'pg';
import { connectionOf, withOptions } from './database-address.js';
import { readMark } from './pooled-sessions.sql.js';
import { postgresFailure } from './postgres-errors.js';
import { Unavailable } from './unavailable.js';

/** A setting that nothing else uses: a session of our own keeps it, a pooler's does not. */
const MARK = '-c tally.mark=kept';

/** How poolers refuse options: as a violation of the protocol (PgBouncer), or as what they do not support (Amazon RDS Proxy). */
const REFUSALS: ReadonlySet<string | undefined> = new Set(['08P01', '0A000']);

/** Whether a pooler is in front of the address that keeps no options of a session's start. Throws Unavailable. */
export async function isPooled(databaseUrl: string): Promise<boolean> {
  const client = new Client(connectionOf(withOptions(databaseUrl, MARK)));
  client.on('error', () => {});
  let keeps: boolean;
  try {
    await client.connect();
    keeps = (await readMark(client)) === 'kept';
  } catch (error) {
    if (!(error instanceof DatabaseError && REFUSALS.has(error.code))) throw postgresFailure(error);
    keeps = false;
  } finally {
    await client.end().catch(() => {});
  }
  if (!keeps && new URL(databaseUrl).searchParams.has('options'))
    throw new Unavailable('postgres', OWN_OPTIONS);
  return !keeps;
}

const OWN_OPTIONS = new Error(
  'its pooler takes no options, so remove ?options= and set them with "alter role … set"',
);

/** How to connect, and what each transaction begins with, each a statement. */
export type Sessions = { readonly config: ClientConfig; readonly local: readonly string[] };

/** `role`: whose rights transactions have; null for the user's own. */
export function pooledSessions(databaseUrl: string, role: string | null): Sessions {
  const { options: _, ...config } = connectionOf(databaseUrl);
  const schema = new URL(databaseUrl).searchParams.get('schema');
  const local = [
    // Their names need no quotes: database-address.ts takes no others.
    ...(schema === null ? [] : [`set local search_path = ${schema}`]),
    ...(role === null ? [] : [`set local role ${role}`]),
  ];
  return { config, local };
}
