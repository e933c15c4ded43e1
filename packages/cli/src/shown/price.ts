/** A price version in words. */
import { count, money } from '../amounts.js';
import type { Schema } from '../api/client.js';
import { second } from '../times.js';
import type { Output } from './output.js';

/** Each price that is set: field and amount. */
export function pricesOf(price: object): [field: string, usd: string][] {
  return Object.entries(price).flatMap(([field, value]) =>
    (/_usd(_per_million)?$/.test(field) || field === 'multiplier') && typeof value === 'string'
      ? [[field, value] satisfies [string, string]]
      : [],
  );
}

/** `cached_input_usd_per_million` → `cached input, per million`. */
export function nameOf(field: string): string {
  const [, meter = field, isByMillion] = /^(.*?)_usd(_per_million)?$/.exec(field) ?? [];
  return meter.replaceAll('_', ' ') + (isByMillion === undefined ? '' : ', per million');
}

export function writePrice(out: Output, price: Schema<'Price'>): void {
  out.fields([
    ['price', price.id],
    ['model', price.model],
    ['entity', price.entity ?? 'all: the list price'],
    ['from', second(price.effective_from)],
    ['source', price.source],
    ...pricesOf(price).map(([field, usd]) => [nameOf(field), money(usd)] as const),
    ['input tokens at most', count(price.max_input_tokens)],
    ['output tokens at most', count(price.max_output_tokens)],
  ]);
  for (const variant of price.variants ?? []) {
    out.line();
    out.fields([['variant where', JSON.stringify(variant.when)], ...termsOf(variant)]);
  }
}

/** `×0.5`, or `input, per million $0.355; output, per million $0.355`. */
export function shortTerms(variant: object): string {
  return termsOf(variant)
    .map(([name, value]) => (name === 'times' ? `×${value}` : `${name} ${value}`))
    .join('; ');
}

function termsOf(variant: object): [string, string][] {
  return pricesOf(variant).map(([field, value]) =>
    field === 'multiplier' ? ['times', value] : [nameOf(field), money(value)],
  );
}
