/**
 * Reads a price map of up to 32 MiB as it arrives, one model at a time, and lets the event loop turn while it does: a map of 3.5 MB
 * takes a second or so, and a quota decision must not wait for it.
 */
import { Tokenizer, TokenParser, TokenType } from '@streamparser/json';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { TallyError } from '../../domain/errors.js';
import { aliasOf, isModelName, skipped, type EntryReading, type ReadingOptions } from './map-entry.js';
import { formOf, readEntries, refusedForm, type Member, type PriceMapForm } from './price-map-forms.js';

export const PRICE_MAP_BYTES_MAX = 32 * 1024 * 1024;

/** LiteLLM's map has about 5,000 entries. */
const ENTRIES_MAX = 200_000;
/** Names, values and punctuation of one entry: more than the largest provider of models.dev has. */
const ENTRY_TOKENS_MAX = 1_000_000;
const DEPTH_MAX = 16;

const NAMED_TWICE = 'the map names it twice; the first entry counts';

/** What is parsed without a look at the clock: less than a millisecond. */
const SLICE_BYTES = 4 * 1024;
/** What is read before the event loop turns: this long at most, and so many models, of which one takes a fifth of a millisecond. */
const STRETCH_MS_MAX = 3;
const STRETCH_STEPS_MAX = 8;

export type ModelReading = { readonly model: string; readonly reading: EntryReading };

/**
 * Throws `invalid_request` for what is no JSON, too large, or of a form that is not taken: nothing of it may be kept then. Models that
 * are other names come last, with the prices of the model that they name.
 */
export async function* readPriceMap(
  chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  options: ReadingOptions,
): AsyncGenerator<ModelReading, void, void> {
  const turn = eventLoopTurn();
  const readings = new Map<string, EntryReading>();
  const aliases: { model: string; of: string }[] = [];
  let form: PriceMapForm | null = null;
  for await (const { key, value } of readMembers(chunks, turn)) {
    form ??= formOf(key, value);
    for (const { model, reading } of readEntries(form, { key, value }, options)) {
      const alias = form === 'LiteLLM' && isModelName(model) ? aliasOf(value) : null;
      if (readings.has(model)) yield { model, reading: skipped(NAMED_TWICE) };
      else if (alias === null) yield { model, reading };
      else aliases.push({ model, of: alias });
      if (!readings.has(model)) readings.set(model, reading);
      if (readings.size > ENTRIES_MAX) throw invalid(`has more than ${ENTRIES_MAX} models`);
      await turn();
    }
  }
  if (form === null) throw invalid('has no entries');
  for (const { model, of } of aliases) {
    yield { model, reading: renamed(readings.get(of), model) ?? readings.get(model)! };
    await turn();
  }
}

/** The prices of another model under this name; null where there are none. */
function renamed(reading: EntryReading | undefined, model: string): EntryReading | null {
  return reading?.kind === 'price' ? { ...reading, price: { ...reading.price, model } } : null;
}

/** Waits for the next turn of the event loop where this one has read enough. */
function eventLoopTurn(): () => Promise<void> | undefined {
  let since = performance.now();
  let steps = 0;
  const next = async (): Promise<void> => {
    await nextTurn();
    since = performance.now();
    steps = 0;
  };
  return () => {
    steps += 1;
    return steps < STRETCH_STEPS_MAX && performance.now() - since < STRETCH_MS_MAX ? undefined : next();
  };
}

async function* readMembers(
  chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  turn: () => Promise<void> | undefined,
): AsyncGenerator<Member, void, void> {
  const members = new Members();
  let bytes = 0;
  for await (const chunk of chunks) {
    bytes += chunk.length;
    if (bytes > PRICE_MAP_BYTES_MAX) throw invalid(`must have at most ${PRICE_MAP_BYTES_MAX} bytes`);
    for (let from = 0; from < chunk.length; from += SLICE_BYTES) {
      members.write(chunk.subarray(from, from + SLICE_BYTES));
      yield* members.take();
      await turn();
    }
  }
  members.end();
  yield* members.take();
}

/** The streaming parser, with bounds on what it may keep. */
class Members {
  private readonly tokenizer = new Tokenizer();
  private readonly parser = new TokenParser({ paths: ['$.*'], keepStack: false });
  private complete: Member[] = [];
  private depth = 0;
  private tokens = 0;
  private offset = 0;
  private last: string | number | null = null;

  constructor() {
    this.parser.onValue = ({ key, value }) => {
      this.last = key ?? null;
      this.tokens = 0;
      this.complete.push({ key: key ?? '', value });
    };
    this.tokenizer.onToken = (token) => {
      this.offset = token.offset;
      this.bound(token.token);
      this.parser.write(token);
    };
  }

  write(slice: Uint8Array): void {
    this.guarded(() => this.tokenizer.write(slice));
  }

  end(): void {
    this.guarded(() => {
      if (!this.tokenizer.isEnded) this.tokenizer.end();
      if (!this.parser.isEnded) this.parser.end();
    });
  }

  take(): Member[] {
    const taken = this.complete;
    this.complete = [];
    return taken;
  }

  private bound(token: TokenType): void {
    const isOpening = token === TokenType.LEFT_BRACE || token === TokenType.LEFT_BRACKET;
    if (isOpening) this.depth += 1;
    else if (this.depth === 0) throw refusedForm('a single JSON value');
    if (token === TokenType.RIGHT_BRACKET && this.depth === 1 && this.last === null)
      throw refusedForm('an empty array');
    if (token === TokenType.RIGHT_BRACE || token === TokenType.RIGHT_BRACKET) this.depth -= 1;
    this.tokens += 1;
    if (this.depth > DEPTH_MAX) throw invalid(`is nested more than ${DEPTH_MAX} deep at byte ${this.offset}`);
    if (this.tokens > ENTRY_TOKENS_MAX) {
      throw invalid(`has an entry of more than ${ENTRY_TOKENS_MAX} parts at byte ${this.offset}`);
    }
  }

  private guarded(step: () => void): void {
    try {
      step();
    } catch (error) {
      if (error instanceof TallyError) throw error;
      const after = this.last === null ? '' : `, after the entry ${JSON.stringify(this.last).slice(0, 128)}`;
      const why = error instanceof Error ? error.message.split('\n')[0]!.slice(0, 200) : '';
      const message = `the price map is no JSON near byte ${this.offset}${after}: ${why}`;
      throw new TallyError('invalid_request', message, { cause: error });
    }
  }
}

function invalid(what: string): TallyError {
  return new TallyError('invalid_request', `the price map ${what}`);
}
