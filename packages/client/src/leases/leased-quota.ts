/** Admits requests in this process on leases, which are slices of what projects have left, and asks Tally where it may not decide. */
import { randomUUID } from 'node:crypto';
import { isTransient, type Denial } from '../denial.js';
import { entityOf } from '../protocol/names.js';
import type { ReservationRequest, TallyClient } from '../tally-client.js';
import { leaseNameIn, type Instant } from './lease.js';
import { LeasedProject, type LeaseSettings } from './leased-project.js';
import { RequestIds } from './request-ids.js';
import { TallyClientError } from '../tally-client-error.js';

export interface LeasedQuotaOptions {
  readonly tally: TallyClient;
  /**
   * How long this process admits after one answer from Tally: 1 to 60 seconds, 10 when left out. A lowered cap takes effect here
   * after that time at the latest.
   */
  readonly ttlSeconds?: number;
  /**
   * How long a request may run without an extension: 1 to 86,400 seconds, 900 when left out. When a gateway dies, its slices
   * stay held for that time.
   */
  readonly requestSeconds?: number;
  /** A slice is given back after this time without a request: 5,000 ms when left out. */
  readonly idleMs?: number;
  /** The largest slice of one project, in nanodollars: $100 when left out. */
  readonly sliceNanosMax?: number;
  /** How many projects may have a lease at once: 10,000 when left out. Tally decides for the others. */
  readonly projectsMax?: number;
  /** How often to look for leases that need a renewal: every 100 ms when left out. */
  readonly tickMs?: number;
  readonly now?: () => Instant;
  /** Called for every statement that failed. It will be retried. */
  readonly onFailure?: (error: unknown) => void;
}

const DEFAULTS = {
  ttlSeconds: 10,
  requestSeconds: 900,
  idleMs: 5_000,
  sliceNanosMax: 100_000_000_000,
  projectsMax: 10_000,
  tickMs: 100,
  now: (): Instant => ({ monotonicMs: performance.now(), wallMs: Date.now() }),
  onFailure: () => {},
};

export type LeasedAdmission =
  | { readonly admitted: true; readonly reservation: { readonly id: string }; readonly isLocal: boolean }
  | { readonly admitted: false; readonly denial: Denial };

/** For operators. Counts are since the start; the rest is the present state. Amounts are in nanodollars, over all projects. */
export interface LeaseFigures {
  /** Requests that were admitted here. */
  readonly localCount: number;
  /** Requests that were left to Tally. */
  readonly centralCount: number;
  /** Projects of which this process has a slice. */
  readonly leaseCount: number;
  readonly freeNanos: number;
  /** What requests hold here and Tally has not taken over. */
  readonly heldNanos: number;
}

/** Used in place of `TallyClient` for reservations. Call `finish` for each one when its usage event has been reported. */
export class LeasedQuota {
  private readonly settings: LeaseSettings & { projectsMax: number };
  private readonly tally: TallyClient;
  private readonly projects = new Map<string, LeasedProject>();
  private readonly byLeaseName = new Map<string, LeasedProject>();
  private readonly requestIds = new RequestIds();
  private readonly timer: NodeJS.Timeout;
  private isClosed = false;
  private localCount = 0;
  private centralCount = 0;

  constructor({ tickMs = DEFAULTS.tickMs, ...options }: LeasedQuotaOptions) {
    this.settings = { ...DEFAULTS, ...options };
    this.tally = options.tally;
    this.timer = setInterval(() => this.tick(), tickMs);
    this.timer.unref();
  }

  /**
   * Decides here without waiting where that is possible, and otherwise asks Tally. A denial always comes from Tally. A repeated
   * `requestId` is the same request while it runs, and used afterwards, as with Tally: of what was decided here, this process knows.
   * Throws as `TallyClient.reserve` does.
   */
  async reserve(request: ReservationRequest): Promise<LeasedAdmission> {
    const now = this.settings.now();
    const known = request.requestId === undefined ? 'new' : this.requestIds.look(request, now);
    if (known === 'used') throw usedRequestId();
    if (typeof known !== 'string') {
      if (this.ownerOf(known.id)?.lease.holds(known.id, now) !== true) throw usedRequestId();
      return { admitted: true, reservation: known, isLocal: true };
    }
    const id = known === 'central' ? null : this.reserveLocally(request);
    if (request.requestId !== undefined) this.requestIds.note(request, id);
    if (id !== null) return { admitted: true, reservation: { id }, isLocal: true };
    return this.reserveCentrally({ requestId: randomUUID(), ...request });
  }

  /** A reservation id, or null where only Tally may decide. Ignores `requestId` and `ttlSeconds`. */
  reserveLocally(request: ReservationRequest): string | null {
    const project = this.projects.get(request.project) ?? this.join(request.project);
    const id = project === null ? null : project.reserve(request, this.settings.now());
    if (id === null) this.centralCount += 1;
    else this.localCount += 1;
    return id;
  }

  /** Call it when the request's event has been reported. From the next renewal on Tally holds for it, until the event is booked. */
  finish(reservationId: string): void {
    this.requestIds.end(reservationId, this.settings.now());
    this.ownerOf(reservationId)?.finish(reservationId);
  }

  /** For a request that costs nothing. Throws a `TallyClientError` where Tally must be told and is unavailable. */
  async release(reservationId: string): Promise<void> {
    this.requestIds.end(reservationId, this.settings.now());
    const lease = this.ownerOf(reservationId)?.lease;
    if (lease?.release(reservationId, this.settings.now())) return;
    await this.tally.release(reservationId);
  }

  /** Keeps a hold for `seconds` from now, for a long stream. False where nothing is held any more. */
  async extend(reservationId: string, seconds: number): Promise<boolean> {
    const lease = this.ownerOf(reservationId)?.lease;
    if (lease?.extend(reservationId, seconds, this.settings.now())) return true;
    return this.tally.extend(reservationId, seconds);
  }

  /**
   * Gives back the free slices of one entity, or of all (null), and admits nothing on them until Tally grants others. Resolves
   * when Tally has been told, or telling it has failed.
   */
  async recall(entity: string | null): Promise<void> {
    await Promise.all(this.projectsOf(entity).map((project) => project.recall()));
  }

  /** Ends all leases; requests in flight stay held. Call it after the last request and before the reporter closes. */
  async close(): Promise<void> {
    this.isClosed = true;
    clearInterval(this.timer);
    await Promise.all(this.projectsOf(null).map((project) => project.end()));
    this.projects.clear();
  }

  get figures(): LeaseFigures {
    const { localCount, centralCount } = this;
    const leases = this.projectsOf(null)
      .map(({ lease }) => lease)
      .filter(({ isStated, isEmpty }) => isStated && !isEmpty);
    return {
      localCount,
      centralCount,
      leaseCount: leases.length,
      freeNanos: leases.reduce((sum, { freeNanos }) => sum + freeNanos, 0),
      heldNanos: leases.reduce((sum, { heldNanos }) => sum + heldNanos, 0),
    };
  }

  /** How many projects have had a request lately. */
  get projectCount(): number {
    return this.projects.size;
  }

  /** Slices that are free here must not cause a denial: where they may have, they are given back and Tally is asked once more. */
  private async reserveCentrally(request: ReservationRequest): Promise<LeasedAdmission> {
    const first = await this.tally.reserve(request);
    const inTheWay = this.projectsOf(entityOf(request.project)).filter((project) => project.isInTheWay);
    const isWorthAsking = !first.admitted && isTransient(first.denial) && inTheWay.length > 0;
    if (isWorthAsking) await Promise.all(inTheWay.map((project) => project.recall()));
    const answer = isWorthAsking ? await this.tally.reserve(request) : first;
    if (!answer.admitted) return answer;
    return { ...answer, isLocal: false };
  }

  private join(name: string): LeasedProject | null {
    if (this.isClosed || this.projects.size >= this.settings.projectsMax) return null;
    const project = new LeasedProject(name, this.settings);
    this.projects.set(name, project);
    this.byLeaseName.set(project.lease.name, project);
    return project;
  }

  private ownerOf(reservationId: string): LeasedProject | undefined {
    return this.byLeaseName.get(leaseNameIn(reservationId));
  }

  /** Null means all entities. */
  private projectsOf(entity: string | null): LeasedProject[] {
    const all = Array.from(this.projects.values());
    return entity === null ? all : all.filter(({ lease }) => entityOf(lease.project) === entity);
  }

  private tick(): void {
    for (const [name, project] of this.projects) {
      if (!project.tick()) continue;
      this.projects.delete(name);
      this.byLeaseName.delete(project.lease.name);
    }
  }
}

function usedRequestId(): TallyClientError {
  const message = 'requestId was used for another request, or for one that has ended';
  return new TallyClientError('conflict', message, { status: 409 });
}
