/** `npm run bench [-- NAME]`: each bench starts its own servers, prints a table, and compares with the bare thing underneath in the same run. */
import { parseArgs } from 'node:util';
import { benchIngest } from './ingest.js';
import { benchQuota } from './quota.js';
import { benchReports } from './reports.js';

const { positionals: names, values } = parseArgs({
  allowPositionals: true,
  options: { events: { type: 'string', default: '10000000' }, data: { type: 'string' } },
});

const BENCHES: Readonly<Record<string, () => Promise<void>>> = {
  ingest: benchIngest,
  quota: benchQuota,
  reports: () => benchReports({ events: Number(values.events), data: values.data ?? null }),
};

const unknown = names.filter((name) => !(name in BENCHES));
if (unknown.length > 0) {
  console.error(`no bench ${unknown.join(', ')}; there are: ${Object.keys(BENCHES).join(', ')}`);
  process.exit(1);
}
for (const name of names.length > 0 ? names : Object.keys(BENCHES)) await BENCHES[name]!();
