/** Lets the clock's work be done now, by whichever worker takes it. */
import type { TestQueue } from '../support/usage-queue.js';
import { until } from '../support/until.js';

const JOBS = ['charge-unpriced', 'post-closed-hours', 'expire-grants', 'close-periods', 'prune-identities'];

export async function runUpkeep(upkeep: TestQueue): Promise<void> {
  for (const name of JOBS) await upkeep.add([{}], name);
  await until('the upkeep is done', async () => {
    const { active = 0, waiting = 0 } = await upkeep.queue.getJobCounts('active', 'waiting');
    return active + waiting === 0;
  });
}
