/**
 * `search_context_cost_per_query`: what a web search costs by how much it reads. Medium is what is read where nobody says; a size
 * that costs the same needs no price of its own.
 */
import { claim, isEntry, type Reading } from './map-reading.js';

const FIELD = 'search_context_cost_per_query';
const SIZE = /^(?:search_context_size_)?([a-z]{1,32})$/;
const BASE = 'medium';

export function readSearchContext(reading: Reading, value: unknown): void {
  if (value === null || value === undefined) return;
  const sizes = isEntry(value) ? Object.entries(value) : [];
  if (sizes.length === 0 || !sizes.every(([name]) => SIZE.test(name))) {
    reading.uncharged.push(FIELD);
    return;
  }
  const medium = sizes.find(([name]) => SIZE.exec(name)![1] === BASE)?.[1];
  for (const [name, price] of sizes) {
    const size = SIZE.exec(name)![1]!;
    if (size !== BASE && price === medium) continue;
    const when = size === BASE ? {} : { attributes: { search_context_size: size } };
    claim(reading, { field: `${FIELD}.${name}`, name: { meter: 'search', kind: null, when }, value: price });
  }
}
