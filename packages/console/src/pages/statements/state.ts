/** How far a month's statement is, in a word and a sentence. Pure. */
import { minuteOf, secondsOfPeriod } from '../../parts/times.js';

/** As the service waits for late usage before it closes a month. */
const LATE_SECONDS = 72 * 3_600;

type Month = { readonly status: 'draft' | 'final'; readonly period: string };
type State = { readonly tone: 'good' | 'plain'; readonly word: string; readonly sentence: string };

/** @param now Seconds, Unix. */
export function stateOf({ status, period }: Month, now: number): State {
  if (status === 'final')
    return {
      tone: 'good',
      word: 'final',
      sentence: 'It does not change any more: what comes late is billed in a later month.',
    };
  const { end } = secondsOfPeriod(period);
  const closing = minuteOf(end + LATE_SECONDS);
  if (now < end)
    return {
      tone: 'plain',
      word: 'draft, month runs',
      sentence: `Usage is added until ${minuteOf(end)}, and what comes late until ${closing}. Then it is closed and gets its number.`,
    };
  if (now < end + LATE_SECONDS)
    return {
      tone: 'plain',
      word: 'draft, waits for late usage',
      sentence: `The month is over. What comes late is added until ${closing}. Then it is closed and gets its number.`,
    };
  return {
    tone: 'plain',
    word: 'draft, to be closed',
    sentence: `What came after ${closing} is billed in a later month. It gets its number when the month is closed.`,
  };
}
