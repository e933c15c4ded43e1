/** Limits as they are typed and shown: an amount or a number, `none`, or `inherit`. */
import { readUsd } from '../amounts.js';
import type { Output } from '../shown/output.js';

/** An amount, `inherit` or `none`; commander takes null for no value. */
export type Cap = string;
export type Concurrency = number | 'inherit' | 'none';

type Words = { readonly inherits: boolean };

export function readCap(text: string, { inherits }: Words = { inherits: true }): Cap {
  if (isWord(text, inherits)) return text;
  try {
    return readUsd(text);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new RangeError(`${error.message}, ${wordsOf(inherits)}`);
  }
}

export function readConcurrency(text: string, { inherits }: Words = { inherits: true }): Concurrency {
  if (isWord(text, inherits)) return text;
  if (!/^\d{1,9}$/.test(text))
    throw new RangeError(`must be a number of requests such as 20, ${wordsOf(inherits)}`);
  return Number(text);
}

function isWord(text: string, inherits: boolean): text is 'none' | 'inherit' {
  return text === 'none' || (inherits && text === 'inherit');
}

function wordsOf(inherits: boolean): string {
  return inherits ? 'or none, or inherit' : 'or none';
}

/** The API's word for no limit. */
export function orNull<T>(limit: T | 'none'): T | null {
  return limit === 'none' ? null : limit;
}

/** With `before`, only what changes. */
export function writeChanged<T>(
  to: Output,
  before: T | null,
  after: T,
  shown: readonly (readonly [string, (each: T) => string])[],
): void {
  const pairs = shown
    .map(([name, text]) => [name, before === null ? null : text(before), text(after)] as const)
    .filter(([, was, is]) => was !== is)
    .map(([name, was, is]) => [name, was === null ? is : `${was} → ${is}`] as const);
  if (pairs.length === 0) to.line('Nothing changes: it is all set like this already.');
  else to.fields(pairs);
}
