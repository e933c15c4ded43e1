/** What a price changes, and for whom, in sentences: against the version that is in force when it begins. */
import { answered, api, type Schemas } from '../../api/client.js';
import { groupDigits } from '../../parts/money.js';
import { allOf } from '../../parts/paged.js';
import { minuteOf, nowSeconds, plural, secondsOf } from '../../parts/times.js';
import { conditionWords, inForceOf, labelOf, priceText, TERM_FIELDS, unitOf, SIZES } from './terms.js';

type Price = Schemas['Price'];
type Published = Schemas['PublishedPrice'];

const NAMES_MAX = 8;

export async function publishSentences(published: Published): Promise<string[]> {
  const { model, entity } = published;
  const start = secondsOf(published.effective_from);
  const [inForce, waiting] = await Promise.all([
    allOf('/v1/admin/prices', { params: { query: { model, at: Math.max(start, nowSeconds()) } } }),
    waitingOf(published),
  ]);
  const before = inForceOf(inForce, { model, entity }) ?? inForceOf(inForce, { model, entity: null });
  return [
    whoSentence(published, inForce),
    whenSentence(start),
    ...(before === undefined
      ? [`It is the first price of ${model}: ${termsSentence(published)}.`]
      : changeSentences(before, published)),
    ...waitingSentences(published, waiting),
  ];
}

function whoSentence({ model, entity }: Published, inForce: readonly Price[]): string {
  if (entity !== null)
    return `${entity} alone pays it for ${model}; the list price counts for ${entity} no more.`;
  const own = inForce.flatMap((price) => price.entity ?? []);
  const others = own.length === 0 ? '' : `, but not ${listed(own)}, who have a price of their own`;
  return `Every customer pays it for ${model}${others}.`;
}

function whenSentence(start: number): string {
  if (start > nowSeconds()) return `It counts from ${minuteOf(start)}.`;
  return 'It counts from the next event on. Usage that was rated already keeps its price; re-rate it to change that.';
}

function changeSentences(before: Price, after: Published): string[] {
  const changed = TERM_FIELDS.flatMap((field) => {
    const [was, is] = [before[field] ?? null, after[field] ?? null];
    if (was === is) return [];
    const text = (usd: string | null) => (usd === null ? 'no price of its own' : priceText(usd));
    return [`${labelOf(field)}: ${text(was)} → ${text(is)} ${unitOf(field)}.`];
  });
  const sizes = (['max_input_tokens', 'max_output_tokens'] as const).flatMap((field) =>
    before[field] === after[field]
      ? []
      : [`${SIZES[field]}: ${groupDigits(before[field])} → ${groupDigits(after[field])} tokens.`],
  );
  const variants = variantSentences(before.variants ?? [], after.variants ?? []);
  const sentences = [...changed, ...sizes, ...variants];
  return sentences.length === 0 ? ['No term differs from the price in force.'] : sentences;
}

function variantSentences(
  before: readonly Schemas['PriceVariant'][],
  after: readonly Schemas['PriceVariant'][],
): string[] {
  const known = new Map(before.map((variant) => [JSON.stringify(variant.when), JSON.stringify(variant)]));
  const kept = new Set(after.map(({ when }) => JSON.stringify(when)));
  return [
    ...after.flatMap((variant) => {
      const was = known.get(JSON.stringify(variant.when));
      if (was === JSON.stringify(variant)) return [];
      return [`${was === undefined ? 'New variant' : 'Changed variant'}: ${conditionWords(variant.when)}.`];
    }),
    ...before
      .filter(({ when }) => !kept.has(JSON.stringify(when)))
      .map(({ when }) => `Variant that ends: ${conditionWords(when)}.`),
  ];
}

function termsSentence(price: Published): string {
  const terms = TERM_FIELDS.flatMap((field) => {
    const usd = price[field];
    return usd == null ? [] : [`${labelOf(field).toLowerCase()} ${priceText(usd)} ${unitOf(field)}`];
  });
  return terms.length === 0 ? 'only variants' : terms.join(', ');
}

async function waitingOf({ model, entity }: Published): Promise<Schemas['UnpricedUsage'][]> {
  const query = { model, limit: 100, ...(entity !== null && { entity }) };
  return (await answered(api.GET('/v1/admin/prices/unpriced', { params: { query } }))).data;
}

function waitingSentences(
  { charged_events: charged, waiting_events: left }: Published,
  waiting: Schemas['UnpricedUsage'][],
): string[] {
  if (charged === 0 && left === 0) return [];
  const whose = listed(waiting.map(({ entity, events }) => `${entity} (${groupDigits(events)})`));
  return [
    ...(charged > 0
      ? [
          `${plural(charged, 'event')} that waited ${charged === 1 ? 'is' : 'are'} charged by it now, of ${whose}.`,
        ]
      : []),
    ...(left > 0
      ? [
          `${plural(left, 'event')} still wait${left === 1 ? 's' : ''}: of closed months, from before the price begins, or of meters without a price.`,
        ]
      : []),
  ];
}

function listed(names: readonly string[]): string {
  const shown = names.slice(0, NAMES_MAX);
  const rest = names.length - shown.length;
  return rest === 0 ? shown.join(', ') : `${shown.join(', ')} and ${rest} more`;
}
