/** Runs the scheduled jobs now, on any worker. */
import type { TestQueue } from '../support/usage-queue.js';
import { until } from '../support/until.js';

const JOBS = ['charge-unpriced', 'post-closed-hours', 'expire-grants', 'close-periods', 'prune-identities'];

/** `times` is how often each job comes at once. */
export async function runUpkeep(upkeep: TestQueue, times = 1, names = JOBS): Promise<void> {
  for (const name of names) for (let time = 0; time < times; time += 1) await upkeep.add([{}], name);
  await until('the upkeep is done', async () => {
    const { active = 0, waiting = 0 } = await upkeep.queue.getJobCounts('active', 'waiting');
    return active + waiting === 0;
  });
}
