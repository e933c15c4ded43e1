/**
 * One gateway's slice of what a project may spend. It asks nobody and waits for nothing: what it has free it lends to requests,
 * and it says what it holds. src/quota/README.md has the protocol and why it is safe; its first rule is that Redis never holds
 * less than `running + finished + free` here.
 */
import { randomBytes } from 'node:crypto';
import { nanosOf, usdOf } from './lease-money.js';
import {
  LEASE_FINISHED_MAX,
  type LeaseAnswer,
  type LeaseEnding,
  type LeaseStatement,
} from './protocol/lease.js';
import { entityOf } from './protocol/names.js';
import { leaseId, reservationId, UNIQUE_PART_LENGTH } from './protocol/reservation.js';

/** Two clocks: the first cannot be set, the second goes on while the machine sleeps. What either says is over is over. */
export interface Instant {
  readonly monotonicMs: number;
  readonly wallMs: number;
}

/** 12 characters in base64url; the counter behind them makes up the rest of an id's unique part. */
const NAME_BYTES = 9;
const NAME_LENGTH = 12;
const COUNTER_DIGITS = UNIQUE_PART_LENGTH - NAME_LENGTH;
const NEVER: Instant = { monotonicMs: -Infinity, wallMs: -Infinity };

interface Draw {
  readonly nanos: number;
  /** When it is forgotten, on the monotonic clock: a request that nobody ends must not hold for ever. */
  readonly endsMs: number;
}

interface Sent {
  readonly sequence: number;
  readonly at: Instant;
  readonly handedOver: readonly string[];
  /** True once news came that its answer may not know. */
  isRecalled: boolean;
}

export class Lease {
  /** Stands in every id that this lease makes. */
  readonly name = randomBytes(NAME_BYTES).toString('base64url');
  private readonly entity: string;
  private readonly running = new Map<string, Draw>();
  private readonly finished = new Map<string, Draw>();
  private runningNanos = 0;
  private finishedNanos = 0;
  private free = 0;
  private admitsUntil = NEVER;
  private drawCount = 0;
  private generation = 0;
  private sequence = 0;
  /** Sequences go on from one id to the next, so that no late answer is taken for another's. */
  private sequenceAtStart = 0;
  private sent: Sent | null = null;

  constructor(
    readonly project: string,
    private readonly options: { ttlSeconds: number; requestSeconds: number },
  ) {
    this.entity = entityOf(project);
  }

  get id(): string {
    return leaseId(this.uniquePart(this.generation), this.entity);
  }

  get freeNanos(): number {
    return this.free;
  }

  /** For requests: running, or finished and not handed over yet. */
  get heldNanos(): number {
    return this.runningNanos + this.finishedNanos;
  }

  get finishedCount(): number {
    return this.finished.size;
  }

  /** True where Redis may hold something for it. */
  get isStated(): boolean {
    return this.sequence > this.sequenceAtStart;
  }

  /** True where nothing is free, running or to be handed over. */
  get isEmpty(): boolean {
    return this.free === 0 && this.running.size === 0 && this.finished.size === 0;
  }

  admits(now: Instant): boolean {
    return now.monotonicMs < this.admitsUntil.monotonicMs && now.wallMs < this.admitsUntil.wallMs;
  }

  /** A reservation id for a request that may run; null where it must be asked for centrally. */
  draw(nanos: number, now: Instant): string | null {
    if (nanos > this.free || !this.admits(now)) return null;
    this.drawCount += 1;
    const id = reservationId(this.uniquePart(this.drawCount), this.entity);
    this.free -= nanos;
    this.runningNanos += nanos;
    this.running.set(id, { nanos, endsMs: now.monotonicMs + this.options.requestSeconds * 1_000 });
    return id;
  }

  /** The request has run and its event is on its way. False where it is none of this lease's running ones. */
  finish(id: string): boolean {
    const draw = this.take(id);
    if (draw === null) return false;
    this.finished.set(id, draw);
    this.finishedNanos += draw.nanos;
    return true;
  }

  /** The request costs nothing. What it held is free again, unless nothing may be admitted anyway. */
  release(id: string, now: Instant): boolean {
    const draw = this.take(id);
    if (draw === null) return false;
    if (this.admits(now)) this.free += draw.nanos;
    return true;
  }

  extend(id: string, seconds: number, now: Instant): boolean {
    const draw = this.running.get(id);
    if (draw === undefined) return false;
    this.running.delete(id);
    const endsMs = Math.max(draw.endsMs, now.monotonicMs + seconds * 1_000);
    this.running.set(id, { nanos: draw.nanos, endsMs });
    return true;
  }

  /** Admits nothing more until a statement from after this is answered with something free. */
  recall(): void {
    this.close();
    if (this.sent !== null) this.sent.isRecalled = true;
  }

  /** What it holds, to be sent; the one before is given up, whatever has become of it. */
  state(
    now: Instant,
    wish: { wantedNanos: number; largestNanos: number; models: readonly string[] },
  ): LeaseStatement {
    this.forget(now);
    if (wish.wantedNanos === 0 || !this.admits(now)) this.close();
    this.sequence += 1;
    const handedOver = this.handOver();
    this.sent = {
      sequence: this.sequence,
      at: now,
      handedOver: handedOver.map(([id]) => id),
      isRecalled: false,
    };
    const handedOverNanos = handedOver.reduce((sum, [, { nanos }]) => sum + nanos, 0);
    return {
      lease_id: this.id,
      sequence: this.sequence,
      outstanding_usd: usdOf(this.runningNanos + this.finishedNanos - handedOverNanos),
      free_usd: usdOf(this.free),
      wanted_usd: usdOf(wish.wantedNanos),
      largest_hold_usd: usdOf(wish.largestNanos),
      ttl_seconds: this.options.ttlSeconds,
      models: wish.models,
      ...this.ending(handedOver),
    };
  }

  /** An answer to another statement than the last one changes nothing. */
  accept(answer: LeaseAnswer): void {
    const { sent } = this;
    if (sent === null || answer.sequence !== sent.sequence) return;
    this.sent = null;
    this.forgetHandedOver(sent.handedOver);
    if (sent.isRecalled) return;
    const free = Math.max(0, this.free - nanosOf(answer.give_back_usd)) + nanosOf(answer.granted_usd);
    if (free === 0) {
      this.close();
      return;
    }
    this.free = free;
    const { monotonicMs, wallMs } = sent.at;
    const { lifetime_ms: lifetimeMs } = answer;
    this.admitsUntil = { monotonicMs: monotonicMs + lifetimeMs, wallMs: wallMs + lifetimeMs };
  }

  /** Tally says that the lease has ended: what still runs is stated under another id. */
  restart(): void {
    this.close();
    this.sent = null;
    this.sequenceAtStart = this.sequence;
    this.generation += 1;
  }

  /** For the end of a gateway: what runs is handed over too. */
  finishAll(): void {
    this.close();
    for (const id of Array.from(this.running.keys())) this.finish(id);
  }

  /** What an end hands over: everything, where that is no more than one statement may name. */
  end(now: Instant): LeaseEnding {
    this.forget(now);
    return this.ending(this.handOver());
  }

  private ending(finished: readonly (readonly [string, Draw])[]): LeaseEnding {
    return {
      project: this.project,
      request_seconds: this.options.requestSeconds,
      finished: finished.map(([id, { nanos }]) => ({ id, hold_usd: usdOf(nanos) })),
    };
  }

  /** The oldest first, so that what was handed over without an answer is named again. */
  private handOver(): [string, Draw][] {
    const first: [string, Draw][] = [];
    for (const entry of this.finished) {
      if (first.length === LEASE_FINISHED_MAX) break;
      first.push(entry);
    }
    return first;
  }

  private forgetHandedOver(ids: readonly string[]): void {
    for (const id of ids) {
      this.finishedNanos -= this.finished.get(id)?.nanos ?? 0;
      this.finished.delete(id);
    }
  }

  private close(): void {
    this.free = 0;
    this.admitsUntil = NEVER;
  }

  private take(id: string): Draw | null {
    const draw = this.running.get(id);
    if (draw === undefined) return null;
    this.running.delete(id);
    this.runningNanos -= draw.nanos;
    return draw;
  }

  /**
   * Like a hold in Redis: what nobody ends expires. They lie in the order of their ends, but for a few that were extended or
   * finished early, which are forgotten later.
   */
  private forget(now: Instant): void {
    for (const [id, { endsMs }] of this.running) {
      if (endsMs > now.monotonicMs) break;
      this.take(id);
    }
    for (const [id, { endsMs }] of this.finished) {
      if (endsMs > now.monotonicMs) break;
      this.forgetHandedOver([id]);
    }
  }

  private uniquePart(counter: number): string {
    return `${this.name}${counter.toString(36).padStart(COUNTER_DIGITS, '0')}`;
  }
}

/** The name of the lease that made a reservation's id; any other id has another's. */
export function leaseNameIn(reservationId: string): string {
  return reservationId.slice(4, 4 + NAME_LENGTH);
}
