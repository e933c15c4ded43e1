/** Waits for a condition instead of a time. */
import { setTimeout as delay } from 'node:timers/promises';

const POLL_MS = 20;

/** Fails with `what` if it is still false after `secondsMax`, which is far more than a busy machine takes. */
export async function until(
  what: string,
  isSo: () => boolean | Promise<boolean>,
  secondsMax = 120,
): Promise<void> {
  const deadline = performance.now() + secondsMax * 1000;
  while (!(await isSo())) {
    if (performance.now() > deadline) throw new Error(`Not within ${secondsMax} s: ${what}`);
    await delay(POLL_MS);
  }
}
