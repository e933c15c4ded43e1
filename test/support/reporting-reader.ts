/** Logs in as the role that dashboards use, after giving it a password as an administrator would. */
import { randomBytes } from 'node:crypto';
import pg from 'pg';

/** Roles belong to the cluster, which all tests share, so they set its password one at a time. */
const PASSWORD_LOCK = 7_201_099;

export async function loginAsReader(databaseUrl: string): Promise<pg.Client> {
  const password = randomBytes(12).toString('hex');
  const admin = new pg.Client({ connectionString: databaseUrl.replace(/\/[^/]*$/, '/postgres') });
  await admin.connect();
  try {
    await admin.query('select pg_advisory_lock($1::bigint)', [PASSWORD_LOCK]);
    await admin.query(`alter role tally_reader password '${password}'`);
    const url = new URL(databaseUrl);
    url.username = 'tally_reader';
    url.password = password;
    const reader = new pg.Client({ connectionString: url.href });
    await reader.connect();
    return reader;
  } finally {
    await admin.end();
  }
}
