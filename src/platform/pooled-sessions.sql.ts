/** Whether a session kept what was asked for at its start. */
import type { Client } from 'pg';

export async function readMark(client: Client): Promise<string | null> {
  const { rows } = await client.query<{ mark: string | null }>(
    `select current_setting('tally.mark', true) as mark`,
  );
  return rows[0]?.mark ?? null;
}
