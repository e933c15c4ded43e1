/** Whose rights a session has. */
import type { Client } from 'pg';

export async function readRole(client: Client): Promise<string | undefined> {
  const { rows } = await client.query<{ role: string }>('select current_user::text as role');
  return rows[0]?.role;
}
