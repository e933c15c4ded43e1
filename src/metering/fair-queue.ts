/** Events in line, a line for each entity. Entities take turns, so one that floods delays its own events and not another's. */

/** Of an entity in one turn. Larger is cheaper, as sums are written once an entity and batch; smaller is fairer. */
const TURN_COUNT = 50;

/** First in, first out. */
export class Line<T> {
  private items: T[] = [];
  private head = 0;

  get length(): number {
    return this.items.length - this.head;
  }

  push(item: T): void {
    this.items.push(item);
  }

  /** Puts back at the front what was taken from it. */
  unshift(items: readonly T[]): void {
    this.items = [...items, ...this.items.slice(this.head)];
    this.head = 0;
  }

  shift(countMax: number): T[] {
    const taken = this.items.slice(this.head, this.head + countMax);
    this.head += taken.length;
    if (this.head * 2 >= this.items.length) {
      this.items = this.items.slice(this.head);
      this.head = 0;
    }
    return taken;
  }
}

export class FairQueue<T> {
  /** In the sequence of their next turns. */
  private readonly lines = new Map<string, Line<T>>();
  private itemCount = 0;

  get count(): number {
    return this.itemCount;
  }

  get entityCount(): number {
    return this.lines.size;
  }

  push(entity: string, item: T): void {
    let line = this.lines.get(entity);
    if (line === undefined) this.lines.set(entity, (line = new Line()));
    line.push(item);
    this.itemCount += 1;
  }

  /** Round by round from each entity, until there are `countMax`. An entity's items stand together, in their sequence. */
  take(countMax: number): T[] {
    const shares = new Map<string, number>();
    let room = Math.min(countMax, this.itemCount);
    while (room > 0) {
      for (const [entity, line] of this.lines) {
        const share = shares.get(entity) ?? 0;
        const turn = Math.min(TURN_COUNT, line.length - share, room);
        if (turn > 0) shares.set(entity, share + turn);
        room -= turn;
        if (room === 0) break;
      }
    }
    return [...shares].flatMap(([entity, share]) => this.takeOf(entity, share));
  }

  /** All that an entity has in line. */
  remove(entity: string): T[] {
    return this.takeOf(entity, this.lines.get(entity)?.length ?? 0);
  }

  private takeOf(entity: string, count: number): T[] {
    const line = this.lines.get(entity);
    if (line === undefined) return [];
    const items = line.shift(count);
    this.itemCount -= items.length;
    this.lines.delete(entity);
    if (line.length > 0) this.lines.set(entity, line);
    return items;
  }
}
