/** The terms of a price: each meter's field with its name, and variants in words. */
import type { ReactNode } from 'react';
import type { Schemas } from '../../api/client.js';

type Price = Schemas['Price'];
export type Variant = Schemas['PriceVariant'];
export type TermField = Exclude<keyof Variant, 'when' | 'multiplier'>;
export type Terms = { readonly [F in TermField]?: string | null };

/** In the order in which bills list them. */
const LABELS: Record<TermField, string> = {
  input_usd_per_million: 'Input',
  cached_input_usd_per_million: 'Cached input',
  cached_input_audio_usd_per_million: 'Cached audio input',
  cached_input_image_usd_per_million: 'Cached image input',
  cache_write_usd_per_million: 'Cache write',
  cache_write_30m_usd_per_million: 'Cache write, 30 minutes',
  cache_write_1h_usd_per_million: 'Cache write, 1 hour',
  cache_write_12h_usd_per_million: 'Cache write, 12 hours',
  input_audio_usd_per_million: 'Audio input',
  input_image_usd_per_million: 'Image input',
  input_video_usd_per_million: 'Video input',
  output_usd_per_million: 'Output',
  reasoning_usd_per_million: 'Reasoning',
  output_audio_usd_per_million: 'Audio output',
  output_image_usd_per_million: 'Image output',
  output_video_usd_per_million: 'Video output',
  request_usd: 'Request',
  search_usd: 'Web search',
  query_usd: 'Query',
  page_usd: 'Page',
  image_usd: 'Image',
  session_usd: 'Session',
  input_second_usd: 'Second of input',
  output_second_usd: 'Second of output',
  input_character_usd_per_million: 'Characters of input',
  output_character_usd_per_million: 'Characters of output',
};

export const TERM_FIELDS = Object.keys(LABELS) as readonly TermField[];
export const USUAL_FIELDS: readonly TermField[] = [
  'input_usd_per_million',
  'cached_input_usd_per_million',
  'output_usd_per_million',
];

export function labelOf(field: TermField): string {
  return LABELS[field];
}

export const SIZES: Readonly<Record<string, string>> = {
  max_input_tokens: 'Longest prompt',
  max_output_tokens: 'Longest output',
};

/** Of a field as the API's difference names it; of a variant's, `Prompts above 200,000 tokens: input`. */
export function labelOfName(field: string): string {
  const [, when, ofVariant] = /^variants\[(\{.*\})\]\.(.+)$/.exec(field) ?? [];
  if (when === undefined || ofVariant === undefined)
    return { ...LABELS, ...SIZES }[field] ?? field.replaceAll('_', ' ');
  const condition = conditionWords(JSON.parse(when) as Variant['when']);
  return `${condition.charAt(0).toUpperCase()}${condition.slice(1)}: ${labelOfName(ofVariant).toLowerCase()}`;
}

/** Exact, and never with one decimal: `$0.60`, `$0.3375`, `$3`. */
export function priceText(usd: string): string {
  return `$${usd.replace(/\.(\d)$/, '.$10')}`;
}

export function isByMillion(field: string): boolean {
  return field.endsWith('_per_million');
}

export function unitOf(field: string): string {
  return isByMillion(field) ? 'per million' : 'each';
}

/** Those that a price has. */
export function termsOf(of: Terms): [TermField, string][] {
  return TERM_FIELDS.flatMap((field) => {
    const usd = of[field];
    return usd == null ? [] : [[field, usd] as [TermField, string]];
  });
}

/** `service tier batch, prompts above 200,000 tokens` */
export function conditionWords(when: Variant['when']): string {
  const { prompt_tokens_above: above, service_tier: tier, region, utc, weekdays, attributes } = when;
  const days = ['Sunday', 'Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday', 'Sunday'];
  const parts = [
    ...(tier === undefined ? [] : [`service tier ${tier}`]),
    ...(above === undefined ? [] : [`prompts above ${above.toLocaleString('en')} tokens`]),
    ...(region === undefined ? [] : [`region ${region}`]),
    ...(utc === undefined ? [] : [`${[utc].flat().join(' and ')} UTC`]),
    ...(weekdays === undefined ? [] : [weekdays.map((each) => days[each] ?? String(each)).join(', ')]),
    ...Object.entries(attributes ?? {}).map(([name, value]) => `${name} ${value}`),
  ];
  return parts.length === 0 ? 'always' : parts.join(', ');
}

export function VariantList({ variants }: { variants: readonly Variant[] }) {
  return (
    <ul className="stack tight">
      {variants.map((variant, index) => (
        <li key={index}>
          <span className="strong">{conditionWords(variant.when)}:</span> <VariantPrices variant={variant} />
        </li>
      ))}
    </ul>
  );
}

function VariantPrices({ variant }: { variant: Variant }): ReactNode {
  const { multiplier } = variant;
  const parts = termsOf(variant).map(([field, usd]) => `${labelOf(field).toLowerCase()} ${priceText(usd)}`);
  return [...(multiplier === undefined ? [] : [`× ${multiplier}`]), ...parts].join(', ');
}

export function inForceOf(
  prices: readonly Price[],
  { model, entity }: { model: string; entity: string | null },
): Price | undefined {
  return prices.find((price) => price.model === model && price.entity === entity);
}
