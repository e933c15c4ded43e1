/** For tests that live in real time: what one of them spends must not fall into two months. */
import { until } from './until.js';

/** Longer than such a test takes, also on a busy machine. */
const TEST_MS_MAX = 180_000;

/** Where the month is about to end, waits until it has. */
export async function clearOfMonthEnd(): Promise<void> {
  const month = (ms: number) => new Date(ms).getUTCMonth();
  const isClear = () => month(Date.now()) === month(Date.now() + TEST_MS_MAX);
  await until('the month has ended', isClear, (2 * TEST_MS_MAX) / 1_000);
}
