/** Creates the database of the embedded PostgreSQL, which a new cluster lacks. */
import { Client } from 'pg';

export async function createDatabaseOnce(url: string, name: string): Promise<void> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    const known = await client.query('select 1 from pg_database where datname = $1::name', [name]);
    if (known.rowCount === 0) await client.query(`create database ${name}`);
  } finally {
    await client.end();
  }
}
