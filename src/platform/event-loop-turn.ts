/** Long work in a process that also answers decisions: it gives others their turn after a few milliseconds. */
import { setImmediate as nextTurn } from 'node:timers/promises';

const STRETCH_MS_MAX = 4;

/** Call what it returns between the steps of one piece of work, and await it. It waits only where the work has taken long enough. */
export function eventLoopTurns(): () => Promise<void> | undefined {
  let sinceMs = performance.now();
  const next = async (): Promise<void> => {
    await nextTurn();
    sinceMs = performance.now();
  };
  return () => (performance.now() - sinceMs < STRETCH_MS_MAX ? undefined : next());
}
