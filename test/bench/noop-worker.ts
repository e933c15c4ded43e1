/** A worker that does nothing with its jobs: what BullMQ itself can drain. Runs as a process of its own, as Tally's worker does. */
import { Worker } from 'bullmq';
import { Redis } from 'ioredis';
import { USAGE_QUEUE } from '@tally/client/protocol';

const connection = new Redis(process.argv[2]!, { maxRetriesPerRequest: null });
const worker = new Worker(USAGE_QUEUE, async () => {}, { connection, concurrency: Number(process.argv[3]) });
process.once('SIGTERM', () => void worker.close().then(() => process.exit(0)));
