/** Keeps schedules from running, so that nothing is sent to anybody, and nothing changes that nobody has asked for. */
import { Queue } from 'bullmq';
import { UPKEEP_QUEUES } from '../../src/platform/queues.js';
import { withRedis } from './data-dir.js';
import { until } from './until.js';

export async function pauseUpkeep(redisUrl: string): Promise<void> {
  await withRedis(redisUrl, async (connection) => {
    for (const name of Object.values(UPKEEP_QUEUES)) {
      const queue = new Queue(name, { connection });
      await queue.pause();
      await until('what runs has ended', async () => (await queue.getActiveCount()) === 0);
      await queue.close();
    }
  });
}
