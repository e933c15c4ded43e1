/** `tally prices publish`: a price of a model, with what it changes and charges. */
import type { Command } from 'commander';
import { money, plural, readUsd } from '../amounts.js';
import { answerOf, type Schema } from '../api/client.js';
import { rowsOf } from '../api/pages.js';
import { change, sentBy, type Attempt, type ChangeOptions } from '../change.js';
import { WrongUse } from '../failures.js';
import { action, asCount, asks, asName, asTime, asUsd, command, reading } from '../grammar.js';
import { contentOf, parsedJson } from '../files.js';
import type { Session } from '../session.js';
import type { Output } from '../shown/output.js';
import { nameOf, pricesOf, shortTerms } from '../shown/price.js';
import { second } from '../times.js';

type PublishOptions = ChangeOptions & {
  readonly file?: string;
  readonly input?: string;
  readonly cachedInput?: string;
  readonly output?: string;
  readonly set?: readonly Setting[];
  readonly maxInput?: number;
  readonly maxOutput?: number;
  readonly entity?: string;
  readonly from?: string;
  readonly source?: string;
  readonly allowFree?: boolean;
};

type PriceOrder = Schema<'PriceOrder'>;

/** Every price but those that have an option of their own. */
export const SETTABLE = [
  'cached_input_audio_usd_per_million',
  'cached_input_image_usd_per_million',
  'cache_write_usd_per_million',
  'cache_write_30m_usd_per_million',
  'cache_write_1h_usd_per_million',
  'cache_write_12h_usd_per_million',
  'input_audio_usd_per_million',
  'input_image_usd_per_million',
  'input_video_usd_per_million',
  'reasoning_usd_per_million',
  'output_audio_usd_per_million',
  'output_image_usd_per_million',
  'output_video_usd_per_million',
  'request_usd',
  'search_usd',
  'query_usd',
  'page_usd',
  'image_usd',
  'session_usd',
  'input_second_usd',
  'output_second_usd',
  'input_character_usd_per_million',
  'output_character_usd_per_million',
] as const satisfies (keyof PriceOrder)[];

export function addPublish(prices: Command): void {
  const publish = asks(
    command(prices, 'publish <model>', {
      summary: 'Publish a price of a model',
      more: `Prices are US dollars per million tokens, with --set also for one of something. A price replaces the one before: variants and prices that are left out are gone, the limits of tokens stay. To change one price, start from \`tally prices show ID --json\`, which --file takes. The first price of a model reaches back to the usage that waited for it, where --from is left out.\n\nFields of --set: ${SETTABLE.join(', ')}.`,
      examples: [
        'prices publish acme-chat-1 --input 0.71 --cached-input 0.35 --output 0.71 --max-output 8192',
        'prices publish acme-chat-1 --entity acme --input 0.5 --output 0.5 --from 2026-12-01',
        'prices publish claude-sonnet-4-5 --file sonnet.json --dry-run',
        'prices publish web-1 --input 1 --output 2 --set search_usd=0.01',
      ],
    })
      .option('--input <usd>', 'per million input tokens', asUsd)
      .option('--cached-input <usd>', 'per million cached input tokens; like input otherwise', asUsd)
      .option('--output <usd>', 'per million output tokens', asUsd)
      .option(
        '--set <field=usd>',
        'any other price, such as search_usd=0.01; may stand several times',
        collect,
      )
      .option('--file <file>', 'a JSON object with more fields; - is standard input')
      .option('--max-input <tokens>', 'the most input tokens that the model takes', asCount)
      .option('--max-output <tokens>', 'the most output tokens that the model writes', asCount)
      .option('--entity <entity>', 'the customer that agreed on it; the list price otherwise', asName)
      .option('--from <time>', 'when it begins; now otherwise', asTime)
      .option('--source <text>', 'where it is from')
      .option('--allow-free', 'allow a price of 0 for everything'),
  );
  action<[string], PublishOptions>(publish, async ({ session, args: [model], options }) => {
    const body = await orderOf(model, options);
    await publishPrice(session, body, options);
  });
}

async function publishPrice(session: Session, body: PriceOrder, options: PublishOptions): Promise<void> {
  const { api, out } = session;
  const query = options.allowFree === true ? { allow_free: true } : {};
  const send = (attempt: Attempt) =>
    answerOf(
      api.POST('/v1/admin/prices', {
        params: { ...attempt, query: { ...query, ...attempt.query } },
        body,
      }),
    );
  const { preview, make } = sentBy(send);
  const published = await change(session, options, {
    name: 'prices publish',
    preview: async () => ({ after: await preview(), before: await inForce(session, body) }),
    plan: (to, seen) => {
      const whom = body.entity == null ? '' : ` for ${body.entity}`;
      to.line(`Publish a price of ${body.model}${whom}:`);
      if (seen === null) return to.fields(pricesOf(body).map(([field, usd]) => [nameOf(field), money(usd)]));
      to.fields(differences(seen.before, seen.after));
      to.line(`In force from ${second(seen.after.effective_from)}.`);
      writeCharged(to, seen.after);
    },
    make,
  });
  if (published === null) return;
  out.answer(published, () => {
    out.line(
      `Price ${published.id} of ${published.model}, in force from ${second(published.effective_from)}.`,
    );
    writeCharged(out, published);
  });
}

function writeCharged(to: Output, price: Schema<'PublishedPrice'>): void {
  if (price.charged_events > 0)
    to.line(`It charges ${plural(price.charged_events, 'event')} that waited for it.`);
  if (price.waiting_events > 0)
    to.line(
      `Still waiting: ${plural(price.waiting_events, 'event')} of the model (of closed months, from before the price begins, or with meters without a price).`,
    );
}

async function inForce({ api, nowMs }: Session, { model, entity, effective_from }: PriceOrder) {
  const at = effective_from ?? new Date(nowMs).toISOString();
  const query = { model, at, ...(entity == null ? {} : { entity }) };
  const { rows } = await rowsOf(
    async (page) => answerOf(api.GET('/v1/admin/prices', { params: { query: { ...page, ...query } } })),
    { limit: 100 },
  );
  const own = rows.find((price) => price.entity === (entity ?? null));
  return own ?? rows.find((price) => price.entity === null) ?? null;
}

type Priced = Pick<Schema<'Price'>, 'variants'>;

/** `input, per million  $0.71 → $0.80`, of each price and each variant that is there before or after. */
function differences(before: Priced | null, after: Priced): [string, string][] {
  const [was, is] = [new Map(before === null ? [] : linesOf(before)), new Map(linesOf(after))];
  return [...new Set([...was.keys(), ...is.keys()])].map((name) => {
    const [then = 'none', now = 'none'] = [was.get(name), is.get(name)];
    return [name, then === now ? now : `${then} → ${now}`];
  });
}

function linesOf(price: Priced): [name: string, terms: string][] {
  return [
    ...pricesOf(price).map(([field, usd]) => [nameOf(field), money(usd)] satisfies [string, string]),
    ...(price.variants ?? []).map(
      (variant) =>
        [`variant ${JSON.stringify(variant.when)}`, shortTerms(variant)] satisfies [string, string],
    ),
  ];
}

const TAKEN = /_usd(_per_million)?$/;

async function orderOf(model: string, options: PublishOptions): Promise<PriceOrder> {
  const { file, input, cachedInput, output, set, maxInput, maxOutput, entity, from, source } = options;
  const order = {
    ...(file === undefined ? {} : fieldsOf(await contentOf(file), file)),
    ...Object.fromEntries(set ?? []),
    ...(input !== undefined && { input_usd_per_million: input }),
    ...(cachedInput !== undefined && { cached_input_usd_per_million: cachedInput }),
    ...(output !== undefined && { output_usd_per_million: output }),
    ...(maxInput !== undefined && { max_input_tokens: maxInput }),
    ...(maxOutput !== undefined && { max_output_tokens: maxOutput }),
    ...(entity !== undefined && { entity }),
    ...(from !== undefined && { effective_from: from }),
    ...(source !== undefined && { source }),
    model,
  };
  if (!Object.keys(order).some((field) => TAKEN.test(field)))
    throw new WrongUse(
      'prices publish needs a price: --input and --output, --set search_usd=0.01, or --file.',
    );
  return order;
}

/** Fields that only answers have: they are left out, so that the output of `prices show` can be published. */
const ANSWERED = [
  'object',
  'id',
  'created_at',
  'first_for_meters_from',
  'effective_from',
  'entity',
  'model',
  'charged_events',
  'waiting_events',
];

function fieldsOf(text: string, file: string): object {
  const value = parsedJson(text, file);
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new WrongUse(`--file must hold one JSON object: ${file}`);
  return Object.fromEntries(Object.entries(value).filter(([field]) => !ANSWERED.includes(field)));
}

type Setting = readonly [field: string, usd: string];

function collect(text: string, before: readonly Setting[] = []): readonly Setting[] {
  return [...before, asSetting(text)];
}

/** `search_usd=0.01`. */
const asSetting = reading((text): Setting => {
  const [field = '', ...rest] = text.split('=');
  if (!SETTABLE.some((each) => each === field))
    throw new RangeError(`must begin with one of ${SETTABLE.join(', ')} and =, such as search_usd=0.01`);
  try {
    return [field, readUsd(rest.join('='))];
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new RangeError(`gives ${field} an amount, which ${error.message}`);
  }
});
