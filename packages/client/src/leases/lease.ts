/**
 * One gateway's lease: a slice of what a project may still spend, on which the gateway admits requests by itself, without
 * waiting. A request takes its hold from what is free, and statements tell Tally what the lease holds. src/quota/README.md in
 * Tally's repository has the protocol and why it is safe. Its first rule: Redis never holds less for the lease than
 * `in flight + finished + free` here.
 */
import { randomBytes } from 'node:crypto';
import {
  LEASE_FINISHED_MAX,
  type LeaseAnswer,
  type LeaseEnding,
  type LeaseStatement,
} from '../protocol/lease.js';
import { entityOf } from '../protocol/names.js';
import { leaseId, reservationId, UNIQUE_PART_LENGTH } from '../protocol/reservation.js';
import { nanosOf, usdOf } from './lease-money.js';

/**
 * A time on two clocks, in milliseconds: the monotonic one cannot be set, and the wall clock goes on while the machine sleeps.
 * What has expired by either of them has expired.
 */
export interface Instant {
  readonly monotonicMs: number;
  readonly wallMs: number;
}

/** 12 characters in base64url; the counter behind them makes up the rest of an id's unique part. */
const NAME_BYTES = 9;
const NAME_LENGTH = 12;
const COUNTER_DIGITS = UNIQUE_PART_LENGTH - NAME_LENGTH;
const NEVER: Instant = { monotonicMs: -Infinity, wallMs: -Infinity };

interface Hold {
  readonly nanos: number;
  /** When it expires, on the monotonic clock: a request that is never ended must not hold for ever. */
  readonly endsMs: number;
}

interface SentStatement {
  readonly sequence: number;
  readonly at: Instant;
  /** Ids of the finished requests in it. */
  readonly finished: readonly string[];
  /** True once the lease was recalled: Tally's answer may be older than the reason for the recall. */
  isRecalled: boolean;
}

export class Lease {
  /** Part of every id that this lease makes. */
  readonly name = randomBytes(NAME_BYTES).toString('base64url');
  private readonly entity: string;
  private readonly inFlight = new Map<string, Hold>();
  private readonly finished = new Map<string, Hold>();
  private inFlightNanos = 0;
  private finishedNanos = 0;
  private free = 0;
  private admitsUntil = NEVER;
  private holdCount = 0;
  private generation = 0;
  private sequence = 0;
  /** Sequences go on from one lease id to the next, so that a late answer to one is never taken for an answer to another. */
  private sequenceAtStart = 0;
  private sent: SentStatement | null = null;

  constructor(
    readonly project: string,
    private readonly options: { readonly ttlSeconds: number; readonly requestSeconds: number },
  ) {
    this.entity = entityOf(project);
  }

  get id(): string {
    return leaseId(this.uniquePart(this.generation), this.entity);
  }

  get freeNanos(): number {
    return this.free;
  }

  /** Held by requests that are in flight, or finished and not handed over to Tally yet. */
  get heldNanos(): number {
    return this.inFlightNanos + this.finishedNanos;
  }

  get finishedCount(): number {
    return this.finished.size;
  }

  /** True where a statement of this lease was sent, so Redis may hold something for it. */
  get isStated(): boolean {
    return this.sequence > this.sequenceAtStart;
  }

  /** True where nothing is free, in flight or waiting to be handed over. */
  get isEmpty(): boolean {
    return this.free === 0 && this.inFlight.size === 0 && this.finished.size === 0;
  }

  admits(now: Instant): boolean {
    return now.monotonicMs < this.admitsUntil.monotonicMs && now.wallMs < this.admitsUntil.wallMs;
  }

  /** Holds for a request and returns its reservation id. Null where Tally must be asked. */
  hold(nanos: number, now: Instant): string | null {
    if (nanos > this.free || !this.admits(now)) return null;
    this.holdCount += 1;
    const id = reservationId(this.uniquePart(this.holdCount), this.entity);
    this.free -= nanos;
    this.inFlightNanos += nanos;
    this.inFlight.set(id, { nanos, endsMs: now.monotonicMs + this.options.requestSeconds * 1_000 });
    return id;
  }

  /** Whether the request still holds something here: it may have expired. */
  holds(id: string, { monotonicMs }: Instant): boolean {
    return (this.inFlight.get(id)?.endsMs ?? -Infinity) > monotonicMs;
  }

  /** The request has run, and its event has been reported. False where no such request is in flight. */
  finish(id: string): boolean {
    const hold = this.removeInFlight(id);
    if (hold === null) return false;
    this.finished.set(id, hold);
    this.finishedNanos += hold.nanos;
    return true;
  }

  /** The request costs nothing. What it held is free again, unless the lease has stopped admitting. */
  release(id: string, now: Instant): boolean {
    const hold = this.removeInFlight(id);
    if (hold === null) return false;
    if (this.admits(now)) this.free += hold.nanos;
    return true;
  }

  extend(id: string, seconds: number, now: Instant): boolean {
    const hold = this.inFlight.get(id);
    if (hold === undefined) return false;
    this.inFlight.delete(id);
    const endsMs = Math.max(hold.endsMs, now.monotonicMs + seconds * 1_000);
    this.inFlight.set(id, { nanos: hold.nanos, endsMs });
    return true;
  }

  /** Admits nothing until Tally has granted something in answer to a statement made after this. */
  recall(): void {
    this.stopAdmitting();
    if (this.sent !== null) this.sent.isRecalled = true;
  }

  /** The next statement, to be sent to Tally. It supersedes the one before, whether that arrived or not. */
  nextStatement(
    now: Instant,
    wish: { wantedNanos: number; largestNanos: number; models: readonly string[] },
  ): LeaseStatement {
    this.expire(now);
    if (wish.wantedNanos === 0 || !this.admits(now)) this.stopAdmitting();
    this.sequence += 1;
    const finished = this.oldestFinished();
    this.sent = {
      sequence: this.sequence,
      at: now,
      finished: finished.map(([id]) => id),
      isRecalled: false,
    };
    const handedOverNanos = finished.reduce((sum, [, { nanos }]) => sum + nanos, 0);
    return {
      lease_id: this.id,
      sequence: this.sequence,
      outstanding_usd: usdOf(this.inFlightNanos + this.finishedNanos - handedOverNanos),
      free_usd: usdOf(this.free),
      wanted_usd: usdOf(wish.wantedNanos),
      largest_hold_usd: usdOf(wish.largestNanos),
      ttl_seconds: this.options.ttlSeconds,
      models: wish.models,
      ...this.endingWith(finished),
    };
  }

  /** Applies Tally's answer. An answer to any statement but the last one changes nothing. */
  accept(answer: LeaseAnswer): void {
    const { sent } = this;
    if (sent === null || answer.sequence !== sent.sequence) return;
    this.sent = null;
    this.removeFinished(sent.finished);
    if (sent.isRecalled) return;
    const free = Math.max(0, this.free - nanosOf(answer.give_back_usd)) + nanosOf(answer.granted_usd);
    if (free === 0) {
      this.stopAdmitting();
      return;
    }
    this.free = free;
    const { monotonicMs, wallMs } = sent.at;
    const { lifetime_ms: lifetimeMs } = answer;
    this.admitsUntil = { monotonicMs: monotonicMs + lifetimeMs, wallMs: wallMs + lifetimeMs };
  }

  /** For when Tally says that the lease has ended: requests still in flight are stated under another id. */
  restart(): void {
    this.stopAdmitting();
    this.sent = null;
    this.sequenceAtStart = this.sequence;
    this.generation += 1;
  }

  /** For the end of the gateway: requests in flight are handed over too. */
  finishAll(): void {
    this.stopAdmitting();
    for (const id of Array.from(this.inFlight.keys())) this.finish(id);
  }

  /** The statement that ends the lease. It hands over the finished requests, as many as one statement may name. */
  ending(now: Instant): LeaseEnding {
    this.expire(now);
    return this.endingWith(this.oldestFinished());
  }

  private endingWith(finished: readonly (readonly [string, Hold])[]): LeaseEnding {
    return {
      project: this.project,
      request_seconds: this.options.requestSeconds,
      finished: finished.map(([id, { nanos }]) => ({ id, hold_usd: usdOf(nanos) })),
    };
  }

  /** Oldest first, so that requests whose handover was not answered are named again. */
  private oldestFinished(): [string, Hold][] {
    const oldest: [string, Hold][] = [];
    for (const entry of this.finished) {
      if (oldest.length === LEASE_FINISHED_MAX) break;
      oldest.push(entry);
    }
    return oldest;
  }

  private removeFinished(ids: readonly string[]): void {
    for (const id of ids) {
      this.finishedNanos -= this.finished.get(id)?.nanos ?? 0;
      this.finished.delete(id);
    }
  }

  private stopAdmitting(): void {
    this.free = 0;
    this.admitsUntil = NEVER;
  }

  private removeInFlight(id: string): Hold | null {
    const hold = this.inFlight.get(id);
    if (hold === undefined) return null;
    this.inFlight.delete(id);
    this.inFlightNanos -= hold.nanos;
    return hold;
  }

  /**
   * Like holds in Redis, these expire. They are in the order in which they end, except for a few that were extended or
   * finished early: those are removed later.
   */
  private expire(now: Instant): void {
    for (const [id, { endsMs }] of this.inFlight) {
      if (endsMs > now.monotonicMs) break;
      this.removeInFlight(id);
    }
    for (const [id, { endsMs }] of this.finished) {
      if (endsMs > now.monotonicMs) break;
      this.removeFinished([id]);
    }
  }

  private uniquePart(counter: number): string {
    return `${this.name}${counter.toString(36).padStart(COUNTER_DIGITS, '0')}`;
  }
}

/** The name of the lease that made a reservation id. For any other id, a name that no lease has. */
export function leaseNameIn(id: string): string {
  const start = 'res_'.length;
  return id.slice(start, start + NAME_LENGTH);
}
