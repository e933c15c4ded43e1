/** Who has how much of what a worker holds, so that it sees who floods the queue. */

/** Fewer than this are counted so soon that nobody waits for them. */
const EVENTS_MIN = 500;
/** An entity floods that has more than this part of them. */
const PART_MAX = 1 / 4;

export class Shares {
  private readonly events = new Map<string, number>();
  private total = 0;

  add(entities: readonly string[]): void {
    this.total += entities.length;
    for (const entity of entities) this.events.set(entity, (this.events.get(entity) ?? 0) + 1);
  }

  remove(entities: readonly string[]): void {
    this.total -= entities.length;
    for (const entity of entities) {
      const rest = (this.events.get(entity) ?? 0) - 1;
      if (rest > 0) this.events.set(entity, rest);
      else this.events.delete(entity);
    }
  }

  flooding(): ReadonlySet<string> {
    if (this.total < EVENTS_MIN) return new Set();
    const floods = [...this.events].filter(([, count]) => count > this.total * PART_MAX);
    return new Set(floods.map(([entity]) => entity));
  }
}
