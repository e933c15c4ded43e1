/** The owner of the tables, who switches off what protects them. */
import type { TestDatabase } from './database.js';

/** Runs the statements in one transaction without triggers. */
export async function runWithoutTriggers(
  { pool }: TestDatabase,
  statements: readonly string[],
): Promise<void> {
  const client = await pool.connect();
  try {
    await client.query('begin');
    await client.query('set local session_replication_role = replica');
    for (const sql of statements) await client.query(sql);
    await client.query('commit');
  } catch (error) {
    await client.query('rollback');
    throw error;
  } finally {
    client.release();
  }
}

/** What `look` finds after the statements. Then the rows of the tables are as they were. */
export async function tampered<T>(
  database: TestDatabase,
  {
    tables,
    statements,
    look,
  }: { tables: readonly string[]; statements: readonly string[]; look: () => Promise<T> },
): Promise<T> {
  const run = (sqls: readonly string[]) => runWithoutTriggers(database, sqls);
  await run(tables.map((table) => `create table saved_${table} as table ${table}`));
  try {
    await run(statements);
    return await look();
  } finally {
    await run(
      tables.flatMap((table) => [
        `delete from ${table}`,
        `insert into ${table} select * from saved_${table}`,
        `drop table saved_${table}`,
      ]),
    );
  }
}
