/** Waits until replicas of the queue's Redis have what was added to it. */
import { askRedis } from './redis-errors.js';
import type { RedisNode, RedisNodes } from './redis-nodes.js';
import { Unavailable } from './unavailable.js';

/** How long replicas may take to confirm what was added. */
const CONFIRMED_MS_MAX = 1_000;

export class Replicas {
  /** How often the connection was lost. */
  private losses = 0;

  /** Nothing else uses the connection: Redis answers what follows a wait only once the wait is over. */
  constructor(
    readonly redis: RedisNodes,
    private readonly countMin: number,
  ) {
    redis.onClose(() => (this.losses += 1));
  }

  /**
   * Resolves once the required number of replicas has what `add` adds to the slot. Throws Unavailable, although Redis may then have it.
   *
   * Redis counts the replicas that have all that this connection wrote before. Where another server takes over the slot meanwhile, what was
   * added may be in a server that is no longer the master, and the replicas counted may be those of the new one.
   */
  async confirm<T>(slot: number, add: () => Promise<T>): Promise<T> {
    const [node, losses] = [this.redis.nodeOf(slot), this.losses];
    const added = await askRedis(add());
    const count = node === null ? 0 : await this.countIn(node);
    if (this.losses !== losses || this.redis.nodeOf(slot) !== node)
      throw unavailable('another server has taken over from the one that has the usage');
    if (count < this.countMin) throw unavailable(`${count} of ${this.countMin} replicas have the usage`);
    return added;
  }

  /** A server that is no longer the master refuses to wait, or ends the wait. */
  private async countIn({ redis }: RedisNode): Promise<number> {
    try {
      return await redis.wait(this.countMin, CONFIRMED_MS_MAX);
    } catch (error) {
      throw new Unavailable('redis', error);
    }
  }
}

function unavailable(message: string): Unavailable {
  return new Unavailable('redis', new Error(message));
}
