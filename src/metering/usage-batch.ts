/** A batch of usage before the database has seen it: what is distinct in it, written once, and where each event refers to it. Pure. */
import { bucketDigitsOf, identityOf, type UsageEvent } from '../domain/usage.js';

/** An event that is the first of its identity in the batch. The numbers are positions in the batch's lists. */
export type BatchedEvent = {
  readonly event: UsageEvent;
  readonly identity: string;
  readonly entityNo: number;
  readonly seriesNo: number;
  readonly originNo: number;
};

export type UsageSeries = Pick<UsageEvent, 'project' | 'model' | 'operation' | 'serviceTier'> & {
  readonly entityNo: number;
};

export type UsageOrigin = Pick<UsageEvent, 'source' | 'apiKeyId' | 'usageSource'> & {
  readonly entityNo: number;
};

export type UsageBatch = {
  /** By name. */
  readonly entities: readonly string[];
  readonly series: readonly UsageSeries[];
  /** By `seriesKeyOf`. */
  readonly seriesNumbers: ReadonlyMap<string, number>;
  readonly origins: readonly UsageOrigin[];
  readonly events: readonly BatchedEvent[];
  /** Events that repeat an identity of the batch, each with the first of it. */
  readonly repeated: readonly { readonly event: UsageEvent; readonly first: BatchedEvent }[];
};

/** No part of a key contains a line feed. */
const SEPARATOR = '\n';

export function batchOf(usage: readonly UsageEvent[]): UsageBatch {
  const entities = [...new Set(usage.map(({ entity }) => entity as string))].sort();
  const byEntity = new Map(
    entities.map((entity, entityNo) => [entity, { entityNo, bucket: bucketDigitsOf(entity) }]),
  );
  const series = new Numbered<UsageSeries>();
  const origins = new Numbered<UsageOrigin>();
  const events = new Map<string, BatchedEvent>();
  const repeated: { event: UsageEvent; first: BatchedEvent }[] = [];
  for (const event of usage) {
    const { entityNo, bucket } = byEntity.get(event.entity)!;
    const identity = identityOf(event, bucket);
    const first = events.get(identity);
    if (first !== undefined) {
      repeated.push({ event, first });
      continue;
    }
    const { project, model, operation, serviceTier, source, apiKeyId, usageSource } = event;
    const seriesNo = series.numberOf(seriesKeyOf(event), () => ({
      entityNo,
      project,
      model,
      operation,
      serviceTier,
    }));
    const originNo = origins.numberOf(
      event.entity + SEPARATOR + source + SEPARATOR + (apiKeyId ?? '') + SEPARATOR + usageSource,
      () => ({ entityNo, source, apiKeyId, usageSource }),
    );
    events.set(identity, { event, identity, entityNo, seriesNo, originNo });
  }
  return {
    entities,
    series: series.items,
    seriesNumbers: series.numbers,
    origins: origins.items,
    events: [...events.values()],
    repeated,
  };
}

export function seriesKeyOf(
  of: Record<'entity' | 'project' | 'model' | 'operation' | 'serviceTier', string>,
): string {
  return (
    of.entity +
    SEPARATOR +
    of.project +
    SEPARATOR +
    of.model +
    SEPARATOR +
    of.operation +
    SEPARATOR +
    of.serviceTier
  );
}

/** Items by key, each with the number of its first appearance. */
class Numbered<T> {
  readonly items: T[] = [];
  readonly numbers = new Map<string, number>();

  numberOf(key: string, item: () => T): number {
    let number = this.numbers.get(key);
    if (number === undefined) {
      number = this.items.length;
      this.numbers.set(key, number);
      this.items.push(item());
    }
    return number;
  }
}
