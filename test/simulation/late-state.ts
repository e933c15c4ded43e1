/** A state that is on its way to Redis while a newer one overtakes it. Redis must keep the newer: its age is not the order of arrival. */
import { setTimeout as delay } from 'node:timers/promises';
import type { Installation } from '../support/installation.js';
import { jobOf } from './answers.js';
import type { Delivery } from './facts.js';

export const LATE_STATE = 'an old state reaches Redis after a newer one';

/** How long nobody may publish what the usage has changed. */
const CAUGHT_MS_MAX = 5_000;

/**
 * A worker counts `delivery`; what it publishes is held back on its wire until `overtake` has published something newer
 * about the same entity. False where nothing was held back.
 */
export async function publishLate(
  tally: Installation,
  { entity, delivery, overtake }: { entity: string; delivery: Delivery; overtake: () => Promise<void> },
): Promise<boolean> {
  let goOn = () => {};
  const overtaken = new Promise<void>((resolve) => (goOn = resolve));
  const caught = new Promise<true>((resolve) => {
    for (const { role, wires } of tally.machines) {
      if (role !== 'worker') continue;
      const doing = async () => {
        resolve(true);
        await overtaken;
      };
      void wires.redis.breakAt({ text: `tally:{${entity}}:state`, when: 'said', spare: true, doing });
    }
  });
  await tally.queue.add([jobOf([delivery])]);
  const isCaught = await Promise.race([caught, delay(CAUGHT_MS_MAX, false, { ref: false })]);
  for (const { wires } of tally.machines) wires.redis.forgetBreaks();
  await overtake();
  goOn();
  await tally.queue.drained();
  return isCaught;
}
