/** The answer to an import. It has as many entries as the map, so others get their turn while it is written. */
import { eventLoopTurns } from '../platform/event-loop-turn.js';
import { MAP_SOURCE } from './map-source.js';
import { type Planned, type PlannedPrice } from './import-plan.js';
import type { PriceContent } from './price-differences.js';
import { presentTerms } from './prices.presenter.js';
import type { ImportedEntry, MappedPrice } from './prices.schema.js';

/** As JSON text. */
export async function presentImport(planned: readonly Planned[], dryRun: boolean): Promise<string> {
  const changes: string[] = [];
  const skipped: string[] = [];
  const kept: string[] = [];
  const rounded: string[] = [];
  const ignored: string[] = [];
  let unchanged = 0;
  const turn = eventLoopTurns();
  for (const each of planned) {
    await turn();
    const { model } = each;
    if (each.list === 'skipped') {
      skipped.push(JSON.stringify({ model, reason: each.reason, fields: each.fields }));
      continue;
    }
    if (each.list === 'unchanged') unchanged += 1;
    else (each.list === 'kept' ? kept : changes).push(JSON.stringify(presentEntry(each)));
    if (each.rounded.length > 0) rounded.push(JSON.stringify({ model, fields: each.rounded }));
    if (each.ignored.length > 0) ignored.push(JSON.stringify({ model, fields: each.ignored }));
  }
  const lists = Object.entries({ changes, skipped, kept, rounded, ignored });
  const bodies = lists.map(([name, entries]) => `"${name}":[${entries.join()}]`);
  return `{"object":"price_import","dry_run":${dryRun},"unchanged":${unchanged},${bodies.join()}}`;
}

function presentEntry({ model, before, after, differences }: PlannedPrice): ImportedEntry {
  return {
    model,
    before: before === null ? null : presentMapped(before, before.source),
    after: presentMapped(after, MAP_SOURCE),
    fields: [...differences],
  };
}

function presentMapped(price: PriceContent, source: string): MappedPrice {
  return {
    ...presentTerms(price.terms),
    max_input_tokens: price.maxInputTokens,
    max_output_tokens: price.maxOutputTokens,
    source,
  };
}
