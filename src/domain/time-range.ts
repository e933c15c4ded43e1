/** Ranges of time that a caller asks for are half open, so an end that is not after its start is a mistake and no empty answer. */
import type { Range } from './buckets.js';
import { TallyError } from './errors.js';

export function mustLieAfter(start: string): string {
  return `must lie after ${start}`;
}

/** For ranges of which a bound is a default. Throws `invalid_request`. */
export function requireInOrder({ start, end }: Range): void {
  if (end > start) return;
  throw new TallyError('invalid_request', `end_time: ${mustLieAfter('start_time')}`, { param: 'end_time' });
}
