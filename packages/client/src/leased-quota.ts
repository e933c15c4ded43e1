/** Decides in this process, on slices of what projects have left, and asks Tally for the rest. */
import { randomUUID } from 'node:crypto';
import { isPassing, type Denial } from './denial.js';
import { leaseNameIn, type Instant } from './lease.js';
import { LeasedProject, type LeaseSettings } from './leased-project.js';
import { entityOf } from './protocol/names.js';
import type { ReservationRequest, TallyClient } from './tally-client.js';

export interface LeasedQuotaOptions {
  readonly tally: TallyClient;
  /** How long to admit by one answer of Tally: what it lowers reaches this process no later. 1 to 60 seconds. */
  readonly ttlSeconds?: number;
  /** How long a request may run that is not extended. A gateway that dies leaves its slices held for so long. */
  readonly requestSeconds?: number;
  readonly idleMs?: number;
  /** The largest slice of one project. */
  readonly sliceNanosMax?: number;
  /** Beyond so many projects at once the others are asked for centrally. */
  readonly projectsMax?: number;
  readonly tickMs?: number;
  readonly now?: () => Instant;
  /** Called for every statement that failed and will be made again. */
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

/** For an operator. The counts are since the start, the rest is now; amounts in nanodollars, over all projects. */
export interface LeaseFigures {
  /** Requests that were admitted here. */
  readonly localCount: number;
  /** Requests that were left to Tally. */
  readonly centralCount: number;
  /** Projects of which Tally holds a slice for this process. */
  readonly leaseCount: number;
  readonly freeNanos: number;
  /** What requests hold here, until Tally holds for them. */
  readonly heldNanos: number;
}

export class LeasedQuota {
  private readonly settings: LeaseSettings & { projectsMax: number };
  private readonly tally: TallyClient;
  private readonly projects = new Map<string, LeasedProject>();
  private readonly byLeaseName = new Map<string, LeasedProject>();
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

  /** Projects that something was asked for lately. */
  get projectCount(): number {
    return this.projects.size;
  }

  get figures(): LeaseFigures {
    const { localCount, centralCount } = this;
    const leases = this.of(null)
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

  /** By what is at hand, without waiting; otherwise by what Tally says. A denial is always Tally's. */
  async reserve(wanted: ReservationRequest): Promise<LeasedAdmission> {
    const id = this.admit(wanted);
    if (id !== null) return { admitted: true, reservation: { id }, isLocal: true };
    return this.reserveCentrally({ requestId: randomUUID(), ...wanted });
  }

  /** A reservation id where this process may decide, else null. `requestId` and `ttlSeconds` are not looked at. */
  admit(wanted: ReservationRequest): string | null {
    const project = this.projects.get(wanted.project) ?? this.join(wanted.project);
    const id = project === null ? null : project.admit(wanted, this.settings.now());
    if (id === null) this.centralCount += 1;
    else this.localCount += 1;
    return id;
  }

  /** The request's event is on its way: from now on Tally holds for it, until the event is booked. */
  finish(reservationId: string): void {
    this.ownerOf(reservationId)?.finish(reservationId);
  }

  /** The request costs nothing. */
  async release(reservationId: string): Promise<void> {
    const lease = this.ownerOf(reservationId)?.lease;
    if (lease?.release(reservationId, this.settings.now())) return;
    await this.tally.release(reservationId);
  }

  /** For a long stream; false where nothing is held any more. */
  async extend(reservationId: string, seconds: number): Promise<boolean> {
    const lease = this.ownerOf(reservationId)?.lease;
    if (lease?.extend(reservationId, seconds, this.settings.now())) return true;
    return this.tally.extend(reservationId, seconds);
  }

  /** Stops admitting for the entity, or for all, until Tally grants anew; resolves when what was free is given back. */
  async recall(entity: string | null): Promise<void> {
    await Promise.all(this.of(entity).map((project) => project.recall()));
  }

  /** Hands over what runs and ends all leases. To be called after the last request and before the last event. */
  async close(): Promise<void> {
    this.isClosed = true;
    clearInterval(this.timer);
    await Promise.all(this.of(null).map((project) => project.end()));
    this.projects.clear();
  }

  /** What is free here must not be the reason for a denial: it is given back, and Tally asked once more. */
  private async reserveCentrally(wanted: ReservationRequest): Promise<LeasedAdmission> {
    const first = await this.tally.reserve(wanted);
    const inTheWay = this.of(entityOf(wanted.project)).filter((project) => project.isInTheWay);
    const again = !first.admitted && isPassing(first.denial) && inTheWay.length > 0;
    if (again) await Promise.all(inTheWay.map((project) => project.recall()));
    const answer = again ? await this.tally.reserve(wanted) : first;
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

  private of(entity: string | null): LeasedProject[] {
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
