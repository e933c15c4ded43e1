/** Logs in as the role that dashboards use, as an administrator lets it: by giving it a password. */
import { randomBytes } from 'node:crypto';
import pg from 'pg';

/** Roles belong to the cluster, which all tests share: whoever sets a password waits for the one before. */
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
