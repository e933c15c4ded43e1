/** Whose rights a session has. */
import type { Client } from 'pg';

/** The schema in which its statements find our tables. */
export async function readSessionSchema(client: Client): Promise<string | null> {
  const { rows } = await client.query<{ schema: string | null }>('select current_schema()::text as schema');
  return rows[0]?.schema ?? null;
}

export async function readRole(client: Client): Promise<string | undefined> {
  const { rows } = await client.query<{ role: string }>('select current_user::text as role');
  return rows[0]?.role;
}
