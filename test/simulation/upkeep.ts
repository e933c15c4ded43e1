/** Runs the scheduled jobs now, on any worker. */
import { SCHEDULES } from '../../src/upkeep/schedules.js';
import { UPKEEP_QUEUES } from '../../src/platform/queues.js';
import { aTestQueue, type TestQueue } from '../support/usage-queue.js';
import { until } from '../support/until.js';
import { HOUR_MS } from './calendar.js';

/** The lanes whose jobs change the books. */
export type Upkeep = { readonly money: TestQueue; readonly slow: TestQueue };

const JOBS = {
  money: ['charge-unpriced', 'post-closed-hours', 'expire-grants', 'close-periods'],
  slow: ['prune-identities', 'prune-by-age', 'forget-persons', 'roll-up-days'],
};

export async function theUpkeep(redisUrl: string): Promise<Upkeep> {
  return {
    money: await aTestQueue(redisUrl, { name: UPKEEP_QUEUES.money }),
    slow: await aTestQueue(redisUrl, { name: UPKEEP_QUEUES.slow }),
  };
}

/** `times` is how often each job comes at once. */
export async function runUpkeep({ money, slow }: Upkeep, times = 1): Promise<void> {
  const names = Array.from({ length: times }, () => JOBS);
  for (const name of names.flatMap((each) => each.money)) await money.add([{}], name);
  for (const name of names.flatMap((each) => each.slow)) await slow.add([{}], name);
  await upkeepDone(money);
  await upkeepDone(slow);
}

/** Every schedule comes at least once an hour; a clock that was ahead may have put one off, and then it is set again. */
export async function schedulesOnTime({ money, slow }: Upkeep): Promise<void> {
  await until('no schedule is put off', async () => {
    const lists = await Promise.all([money, slow].map(({ queue }) => queue.getJobSchedulers()));
    const names = lists.flat().filter(({ next }) => next !== undefined && next < Date.now() + 2 * HOUR_MS);
    return names.length === Object.keys({ ...SCHEDULES.money, ...SCHEDULES.slow }).length;
  });
}

/** A scheduled job never counts as done: its next run is always there. */
export async function upkeepDone({ queue }: TestQueue): Promise<void> {
  await until('the upkeep is done', async () => {
    const { active = 0, waiting = 0 } = await queue.getJobCounts('active', 'waiting');
    return active + waiting === 0;
  });
}
