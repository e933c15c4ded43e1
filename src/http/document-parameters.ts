/** Examples of parameters, where a schema that several share cannot have one for each. */
import type { Described } from './document-operation.js';

const UNIQUE = '3J9dX0aTq7mVwYbR5cKeLs';

/** An end lies after the start, and an id is of the kind that its path names. */
const EXAMPLES: Readonly<Record<string, string>> = {
  'effective_at[lt]': '1767225600',
  end_time: '1767225600',
  to: '2027-01-01T00:00:00Z',
  alert: `alert_${UNIQUE}`,
  delivery: `delivery_${UNIQUE}`,
  entry: '12',
  grant: `grant_${UNIQUE}`,
  key: `key_${UNIQUE}`,
  source: '/gateways/eu-1',
};

/** Of `{id}`, by what stands before it in the path. */
const IDS: Readonly<Record<string, string>> = {
  dead_letters: `dl_${UNIQUE}`,
  decisions: `dec_${UNIQUE}.entity1`,
  jobs: `job_${UNIQUE}`,
  keys: `key_${UNIQUE}`,
  leases: `lease_${UNIQUE}.entity1`,
  prices: '7',
  reservations: `res_${UNIQUE}.entity1`,
  usage_conflicts: `conflict_${'0'.repeat(63)}1.entity1`,
  usage_corrections: '12',
  webhooks: `hook_${UNIQUE}`,
  '{source}': 'chatcmpl-8f2c',
};

export function withParameterExamples({ path, operation }: Described): void {
  const segments = path.split('/');
  const before = segments[segments.indexOf('{id}') - 1] ?? '';
  for (const parameter of operation.parameters ?? []) {
    const isQuery = parameter.in === 'query';
    const known = parameter.name === 'id' && !isQuery ? IDS[before] : EXAMPLES[parameter.name];
    // A filter by source is no part of an identity.
    if (known === undefined || (isQuery && parameter.name === 'source')) continue;
    parameter.example = parameter.schema?.['type'] === 'integer' ? Number(known) : known;
  }
}
