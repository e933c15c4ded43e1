/** Writes a batch, and where it fails its parts, so that what cannot be counted stands alone and the rest is counted. */
import { settleAll, type Delivery, type Wait } from './delivery.js';

/** What a lane does with batches. */
export type LaneWork = {
  /**
   * Counts a batch in one transaction. Returns the deliveries of entities that another transaction holds, none of which is
   * counted. Throws when none of the batch is counted.
   */
  write(batch: readonly Delivery[]): Promise<readonly Delivery[]>;
  /** Never throws. `content` may be what several events failed for; only one that is alone is refused for it. */
  judge(error: unknown): Promise<Wait | 'content'>;
  /** Keeps an event whose content Postgres refuses as a dead letter. */
  refuse(delivery: Delivery, error: unknown): Promise<void>;
};

export type PartRule = {
  /** Where to part a batch that failed: the index of the second part's first event, or 0 where it is not to be parted. */
  readonly cut: (batch: readonly Delivery[]) => number;
  /** Takes over a batch that failed and is not parted. What it returns is why the rest of the batch is not tried either. */
  readonly whole: (
    batch: readonly Delivery[],
    verdict: Wait | 'content',
    error: unknown,
  ) => Promise<Wait | null>;
};

export class PartedWrite {
  readonly setAside: Delivery[] = [];
  private counted = 0;
  private stopped: Wait | null = null;

  constructor(
    private readonly work: LaneWork,
    private readonly rule: PartRule,
  ) {}

  get countedCount(): number {
    return this.counted;
  }

  /** Settles every delivery, except those in `setAside` and those that the rule's `whole` took over. */
  async write(batch: readonly Delivery[]): Promise<void> {
    if (this.stopped !== null) return settleAll(batch, this.stopped);
    let setAside: readonly Delivery[];
    try {
      setAside = await this.work.write(batch);
    } catch (error) {
      return this.part(batch, error);
    }
    const held = new Set(setAside);
    this.setAside.push(...setAside);
    this.counted += batch.length - held.size;
    settleAll(held.size === 0 ? batch : batch.filter((delivery) => !held.has(delivery)), null);
  }

  private async part(batch: readonly Delivery[], error: unknown): Promise<void> {
    const verdict = await this.work.judge(error);
    if (verdict !== 'content' && verdict.kind === 'server') {
      this.stopped = verdict;
      return settleAll(batch, verdict);
    }
    const cut = this.rule.cut(batch);
    if (cut === 0) {
      this.stopped = await this.rule.whole(batch, verdict, error);
      return;
    }
    const halves = [batch.slice(0, cut), batch.slice(cut)];
    // By chance, so that what comes before a part that always stops the rest is counted at one of the next tries.
    if (Math.random() < 0.5) halves.reverse();
    for (const half of halves) await this.write(half);
  }
}

/** Between two entities, as near to the middle as one ends; 0 where there is one entity. Events of an entity stand together. */
export function cutBetweenEntities(batch: readonly Delivery[]): number {
  const isCut = (index: number): boolean =>
    index > 0 && index < batch.length && batch[index]!.event.entity !== batch[index - 1]!.event.entity;
  const middle = Math.floor(batch.length / 2);
  for (let distance = 0; distance <= middle; distance += 1) {
    if (isCut(middle + distance)) return middle + distance;
    if (isCut(middle - distance)) return middle - distance;
  }
  return 0;
}

export function cutInHalf(batch: readonly Delivery[]): number {
  return batch.length === 1 ? 0 : Math.ceil(batch.length / 2);
}
