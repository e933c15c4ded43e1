/** `npm run bench [-- NAME]`: each bench starts its own servers, prints a table, and compares with the bare thing underneath in the same run. */
import { parseArgs } from 'node:util';
import { benchConsole } from './console.js';
import { benchGateway } from './gateway.js';
import { benchIngest } from './ingest.js';
import { benchDecisions, benchQuota } from './quota.js';
import { benchPublication } from './publication.js';
import { benchHistory } from './history.js';
import { benchNeighbours } from './neighbours.js';
import { benchReports } from './reports.js';

const { positionals: names, values } = parseArgs({
  allowPositionals: true,
  options: {
    events: { type: 'string', default: '10000000' },
    data: { type: 'string' },
    scale: { type: 'string', default: '1' },
  },
});

const BENCHES: Readonly<Record<string, () => Promise<void>>> = {
  ingest: () => benchIngest({ scale: Number(values.scale) }),
  neighbours: () => benchNeighbours({ scale: Number(values.scale) }),
  history: () => benchHistory({ events: Number(values.events) }),
  quota: benchQuota,
  decisions: benchDecisions,
  publication: benchPublication,
  gateway: benchGateway,
  console: benchConsole,
  reports: () => benchReports({ events: Number(values.events), data: values.data ?? null }),
};

const unknown = names.filter((name) => !(name in BENCHES));
if (unknown.length > 0) {
  console.error(`no bench ${unknown.join(', ')}; there are: ${Object.keys(BENCHES).join(', ')}`);
  process.exit(1);
}
// `decisions` is a part of `quota`.
const ALL = Object.keys(BENCHES).filter((name) => name !== 'decisions');
for (const name of names.length > 0 ? names : ALL) await BENCHES[name]!();
