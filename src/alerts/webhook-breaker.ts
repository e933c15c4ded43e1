/**
 * How long a webhook is left alone after failures in a row, whatever waits for it, and how that is shown. From the third failure on its
 * breaker is open, and each attempt is a probe of whether it answers again; one that is accepted closes the breaker.
 */

/** After each failure in a row; the last one stands for all after it. */
export const PAUSES_SECONDS = [0, 0, 60, 120, 240, 480, 900];

const OPENS_AT_FAILURES = PAUSES_SECONDS.findIndex((seconds) => seconds > 0) + 1;

export type Breaker = {
  /** Half open: the next delivery that is due is the probe. */
  readonly state: 'closed' | 'open' | 'half_open';
  /** When an open one is probed. */
  readonly probeAt: Date | null;
};

export function breakerOf({ failures, nextAt }: { failures: number; nextAt: Date }, at: Date): Breaker {
  if (failures < OPENS_AT_FAILURES) return { state: 'closed', probeAt: null };
  return nextAt > at ? { state: 'open', probeAt: nextAt } : { state: 'half_open', probeAt: null };
}
