/** `npm run bench [-- NAME]`: each bench starts its own servers, prints a table, and compares with the bare thing underneath in the same run. */
import { benchIngest } from './ingest.js';
import { benchQuota } from './quota.js';

const BENCHES: Readonly<Record<string, () => Promise<void>>> = {
  ingest: benchIngest,
  quota: benchQuota,
};

const names = process.argv.slice(2);
const unknown = names.filter((name) => !(name in BENCHES));
if (unknown.length > 0) {
  console.error(`no bench ${unknown.join(', ')}; there are: ${Object.keys(BENCHES).join(', ')}`);
  process.exit(1);
}
for (const name of names.length > 0 ? names : Object.keys(BENCHES)) await BENCHES[name]!();
