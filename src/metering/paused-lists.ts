/**
 * What BullMQ's other versions leave behind. Version 5 moves the jobs of a queue that it pauses into a list of their own, `paused`, and
 * adds to that list while the queue is paused; version 6 leaves them where they are, and when it resumes it moves 7,000 of the others'
 * at most. What is in that list while nothing is paused, no worker would ever take: it is moved to where workers look.
 */
import type { Queue } from 'bullmq';
import type { Redis } from 'ioredis';

/** Moved by one script, so that it holds Redis up for no longer than a few milliseconds. */
const MOVED_MAX = 1_000;

/** Oldest first, to the end that workers take from, as they are older than what waits there. KEYS: paused, wait, meta, marker. */
const MOVE = `
if redis.call('HEXISTS', KEYS[3], 'paused') == 1 then return 0 end
local jobs = redis.call('LRANGE', KEYS[1], 0, ARGV[1] - 1)
if #jobs == 0 then return 0 end
redis.call('RPUSH', KEYS[2], unpack(jobs))
redis.call('LTRIM', KEYS[1], #jobs, -1)
redis.call('ZADD', KEYS[4], 0, '0')
return #jobs`;

/** Returns how many jobs it moved. None while the queue is paused: then they wait, as they should. */
export async function moveStranded(queue: Queue): Promise<number> {
  const redis = (await queue.backend.client) as unknown as Redis;
  const keys = ['paused', 'wait', 'meta', 'marker'].map((name) => queue.toKey(name));
  let moved = 0;
  for (;;) {
    const count = Number(await redis.eval(MOVE, keys.length, ...keys, MOVED_MAX));
    moved += count;
    if (count < MOVED_MAX) return moved;
  }
}

/** Jobs in that list. */
export async function strandedCount(queue: Queue): Promise<number> {
  const redis = (await queue.backend.client) as unknown as Redis;
  return redis.llen(queue.toKey('paused'));
}
