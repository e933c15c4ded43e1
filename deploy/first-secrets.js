/**
 * Makes the secrets that compose.yaml needs and leaves those that are there: the password of Postgres in the directory of the first argument,
 * the URL with it and the first admin key in that of the second. A container reads what is mounted into it, so each server mounts its own directory alone.
 */
import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const [postgres, tally] = process.argv.slice(2);
if (postgres === undefined || tally === undefined)
  throw new Error('usage: first-secrets.js POSTGRES_DIRECTORY TALLY_DIRECTORY');

const password = kept(join(postgres, 'password'), () => randomBytes(24).toString('hex'));
kept(join(tally, 'database-url'), () => `postgresql://tally:${password}@postgres:5432/tally`);
kept(join(tally, 'admin-key'), () => `sk-tally-${randomBytes(24).toString('base64url')}`);

/**
 * What the file holds, which is made where there is none.
 * @param {string} file
 * @param {() => string} make
 */
function kept(file, make) {
  if (!existsSync(file)) writeFileSync(file, make(), { mode: 0o444, flag: 'wx' });
  return readFileSync(file, 'utf8');
}
