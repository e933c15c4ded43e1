/** Whose rights a session may take on, and where it finds tables. */
import type { Client } from 'pg';

/** The schema in which the statements of a transaction that begins with `local` find our tables. */
export async function readSessionSchema(client: Client, local: readonly string[]): Promise<string | null> {
  await client.query(['begin', ...local].join('; '));
  const { rows } = await client.query<{ schema: string | null }>('select current_schema()::text as schema');
  await client.query('rollback');
  return rows[0]?.schema ?? null;
}

/** For a transaction that changes nothing, so that a pooler's next client has no role of ours. */
export async function takeRole(client: Client, role: string): Promise<void> {
  await client.query('begin');
  try {
    await client.query(`set local role ${client.escapeIdentifier(role)}`);
  } finally {
    await client.query('rollback');
  }
}
