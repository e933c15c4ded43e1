/**
 * Turns the events of many jobs into few transactions, one in flight. Entities take turns. One that another transaction
 * holds, or that fails for a fault of ours, is set aside and written alone, so that only its own events wait for it.
 */
import { settleAll, type Delivery, type Wait } from './delivery.js';
import { FairQueue, Line } from './fair-queue.js';
import { cutBetweenEntities, cutInHalf, PartedWrite, type LaneWork } from './parted-write.js';

export type LaneOptions = {
  /** Events in a batch, and in one of many entities. */
  readonly batchCountMax: number;
  readonly wideBatchCountMax: number;
  /** How long the first event of a batch waits for others. */
  readonly waitMs: number;
  /** Events of entities that are set aside; more go back to the queue. */
  readonly asideCountMax: number;
};

/** A batch grows with its entities until each has so many events in it: the sums of an entity are written once a batch. */
const EVENTS_PER_ENTITY = 20;

/** Between two tries of an entity that another transaction holds, doubling; then its jobs go back to the queue. */
const LOCKED_MS = { first: 50, max: 2_000, total: 10_000 };
/** Between two tries of an entity of which nothing could be counted, for a fault of ours. */
const FAULT_MS = { first: 2_000, max: 60_000 };
/** How long an entity is written alone after a fault. */
const APART_MS = 120_000;
/** Events that are found to fail alone, for a fault of ours, before the rest of the entity's batch waits as well. */
const FAULTS_MAX = 4;
/** Entities with faults that a lane remembers. */
const ASIDES_MAX = 1_000;

const LOCKED: Wait = { kind: 'locked', reason: 'locked', error: null };

type Aside = {
  readonly entity: string;
  readonly line: Line<Delivery>;
  wait: Wait;
  /** When it was found to be held by another transaction. */
  lockedSinceMs: number;
  delayMs: number;
  /** No try before. */
  dueMs: number;
  /** Written alone until then. */
  apartUntilMs: number;
};

export class UsageLane {
  private readonly ready = new FairQueue<Delivery>();
  private readonly asides = new Map<string, Aside>();
  private asideCount = 0;
  private isBusy = false;
  private isClosing = false;
  /** When the first of the next batch came. */
  private readySinceMs = 0;
  private wasAside = false;
  private timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly work: LaneWork,
    private readonly options: LaneOptions,
    private readonly nowMs: () => number = () => performance.now(),
  ) {}

  /** Events that wait until another transaction lets go of their entity. */
  get lockedCount(): number {
    return this.asideCount;
  }

  /** Each delivery's ticket says what became of it. */
  add(deliveries: readonly Delivery[]): void {
    for (const delivery of deliveries) this.route(delivery);
    this.schedule();
  }

  /** From now on nothing waits here for an entity: its jobs go back to the queue. */
  close(): void {
    this.isClosing = true;
    for (const aside of this.asides.values()) settleAll(this.takeAside(aside), aside.wait);
  }

  private route(delivery: Delivery): void {
    const { entity } = delivery.event;
    const aside = this.asides.get(entity);
    if (aside !== undefined) return this.park(aside, delivery);
    if (this.ready.count === 0) this.readySinceMs = this.nowMs();
    this.ready.push(entity, delivery);
  }

  private park(aside: Aside, delivery: Delivery): void {
    const isHeld = aside.wait.kind === 'fault' && this.nowMs() < aside.dueMs;
    if (isHeld || this.isClosing || this.asideCount >= this.options.asideCountMax) {
      delivery.ticket.settle(aside.wait);
      return;
    }
    aside.line.push(delivery);
    this.asideCount += 1;
  }

  private takeAside(aside: Aside, countMax = Number.POSITIVE_INFINITY): Delivery[] {
    const taken = aside.line.shift(countMax);
    this.asideCount -= taken.length;
    return taken;
  }

  /** Starts the next batch if none is in flight and one is due; otherwise comes back when one is. */
  private schedule(): void {
    clearTimeout(this.timer);
    if (this.isBusy) return;
    const nowMs = this.nowMs();
    const { batchCountMax, waitMs } = this.options;
    const readyAtMs =
      this.ready.count === 0
        ? Number.POSITIVE_INFINITY
        : this.ready.count >= batchCountMax
          ? nowMs
          : this.readySinceMs + waitMs;
    const aside = this.firstAside();
    const asideAtMs = aside?.dueMs ?? Number.POSITIVE_INFINITY;
    const isReadyDue = readyAtMs <= nowMs;
    const isAsideDue = asideAtMs <= nowMs && !(isReadyDue && this.wasAside);
    if (isAsideDue) this.start(() => this.writeAside(aside!));
    else if (isReadyDue) this.start(() => this.writeReady());
    else if (Math.min(readyAtMs, asideAtMs) < Number.POSITIVE_INFINITY)
      this.timer = setTimeout(() => this.schedule(), Math.ceil(Math.min(readyAtMs, asideAtMs) - nowMs));
    if (this.isBusy) this.wasAside = isAsideDue;
  }

  private start(write: () => Promise<void>): void {
    this.isBusy = true;
    void write().finally(() => {
      this.isBusy = false;
      this.schedule();
    });
  }

  /** The one that is due first, of those with events. */
  private firstAside(): Aside | undefined {
    let first: Aside | undefined;
    for (const aside of this.asides.values())
      if (aside.line.length > 0 && (first === undefined || aside.dueMs < first.dueMs)) first = aside;
    return first;
  }

  private async writeReady(): Promise<void> {
    const { batchCountMax, wideBatchCountMax } = this.options;
    const wide = Math.min(wideBatchCountMax, this.ready.entityCount * EVENTS_PER_ENTITY);
    const batch = this.ready.take(Math.max(batchCountMax, wide));
    const parts = new PartedWrite(this.work, {
      cut: cutBetweenEntities,
      whole: async (ofEntity, verdict) => {
        this.setAside(ofEntity, verdict === 'content' ? LOCKED : verdict, 0);
        return null;
      },
    });
    await parts.write(batch);
    this.setAside(parts.setAside, LOCKED, LOCKED_MS.first);
  }

  /** With what else their entities have in line. */
  private setAside(deliveries: readonly Delivery[], wait: Wait, delayMs: number): void {
    for (const delivery of deliveries) {
      const { entity } = delivery.event;
      const aside = this.asides.get(entity) ?? this.openAside(entity, wait, delayMs);
      this.park(aside, delivery);
    }
    for (const entity of new Set(deliveries.map(({ event }) => event.entity)))
      for (const delivery of this.ready.remove(entity)) this.route(delivery);
  }

  private openAside(entity: string, wait: Wait, delayMs: number): Aside {
    const nowMs = this.nowMs();
    if (this.asides.size >= ASIDES_MAX) this.dropEmpty();
    const aside: Aside = {
      entity,
      line: new Line(),
      wait,
      lockedSinceMs: nowMs,
      delayMs,
      dueMs: nowMs + delayMs,
      apartUntilMs: nowMs,
    };
    this.asides.set(entity, aside);
    return aside;
  }

  private dropEmpty(): void {
    for (const { entity, line } of this.asides.values())
      if (line.length === 0) {
        this.asides.delete(entity);
        return;
      }
  }

  private async writeAside(aside: Aside): Promise<void> {
    const faults: Wait[] = [];
    const parts = new PartedWrite(this.work, {
      cut: cutInHalf,
      whole: async ([delivery], verdict, error) => {
        const wait = verdict === 'content' ? await this.refuse(delivery!, error) : verdict;
        if (wait?.kind === 'fault') faults.push(wait);
        delivery!.ticket.settle(wait);
        return faults.length < FAULTS_MAX ? null : wait;
      },
    });
    await parts.write(this.takeAside(aside, this.options.batchCountMax));
    if (parts.setAside.length > 0) this.waitForLock(aside, parts.setAside);
    else if (faults.length > 0) this.waitForMending(aside, faults.at(-1)!, parts.countedCount === 0);
    else this.resume(aside);
  }

  /** Null when the event is a dead letter. */
  private async refuse(delivery: Delivery, error: unknown): Promise<Wait | null> {
    try {
      await this.work.refuse(delivery, error);
      return null;
    } catch (failure) {
      const verdict = await this.work.judge(failure);
      return verdict === 'content' ? { kind: 'fault', reason: 'dead_letter', error: failure } : verdict;
    }
  }

  private waitForLock(aside: Aside, held: readonly Delivery[]): void {
    const nowMs = this.nowMs();
    if (aside.wait !== LOCKED) aside.lockedSinceMs = nowMs;
    aside.wait = LOCKED;
    aside.delayMs = Math.min(LOCKED_MS.max, Math.max(LOCKED_MS.first, aside.delayMs * 2));
    aside.dueMs = nowMs + aside.delayMs;
    if (!this.isClosing && nowMs - aside.lockedSinceMs < LOCKED_MS.total) {
      aside.line.unshift(held);
      this.asideCount += held.length;
      return;
    }
    settleAll([...held, ...this.takeAside(aside)], LOCKED);
    this.asides.delete(aside.entity);
  }

  private waitForMending(aside: Aside, fault: Wait, isWhole: boolean): void {
    const nowMs = this.nowMs();
    aside.wait = fault;
    aside.apartUntilMs = nowMs + APART_MS;
    aside.delayMs = isWhole ? Math.min(FAULT_MS.max, Math.max(FAULT_MS.first, aside.delayMs * 2)) : 0;
    aside.dueMs = nowMs + aside.delayMs;
    if (isWhole) settleAll(this.takeAside(aside), fault);
  }

  /** Joins the others again, unless it had a fault of ours lately. */
  private resume(aside: Aside): void {
    aside.delayMs = 0;
    if (this.nowMs() < aside.apartUntilMs) return;
    this.asides.delete(aside.entity);
    for (const delivery of this.takeAside(aside)) this.route(delivery);
  }
}
