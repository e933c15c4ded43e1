/**
 * Gateways with leases over the real scripts, a network that a test plays by hand, and books of what was admitted. Time stands
 * still until the test moves it.
 */
import { Lease, type Instant } from '../../packages/client/src/leases/lease.js';
import type { LeaseAnswer, LeaseStatement } from '@tally/client/protocol';
import type { ProjectName } from '../../src/domain/ids.js';
import type { QuotaState } from '../../src/domain/quota-limits.js';
import { presentLease } from '../../src/quota/leases.presenter.js';
import { LeaseEnd, LeaseOrder } from '../../src/quota/leases.schema.js';
import { RedisLeases } from '../../src/quota/redis-leases.js';
import { aProjectQuota, aQuotaState, NOON } from './quota.js';
import { idOf, type QuotaRedis } from './quota-redis.js';

export const TTL_SECONDS = 10;
export const REQUEST_SECONDS = 100;
const PROJECTS = ['project1', 'project2'] as const;
const NANOS_PER_PICO_TEXT = 1_000n;

type Request = {
  readonly id: string;
  readonly project: string;
  readonly holdNanos: number;
  readonly startedMs: number;
  /** Null for one that was admitted centrally. */
  readonly lease: Lease | null;
  isFinished: boolean;
};

type Message = { readonly lease: Lease; readonly body: LeaseStatement; answer: LeaseAnswer | 'ended' | null };

export type Limits = { readonly capNanos: number; readonly projectCapNanos: number };

export class LeaseWorld {
  readonly requests: Request[] = [];
  readonly messages: Message[] = [];
  readonly leases: Lease[] = [];
  /** True once something is held that only expires. */
  isLeaking = false;
  /** How many requests gateways admitted locally. */
  localCount = 0;
  bookedNanos = 0;
  bookedBy = new Map<string, number>();
  highest: Limits;
  private version = 0n;
  private centralCount = 0;
  private readonly redisLeases: RedisLeases;

  constructor(
    private readonly on: QuotaRedis,
    private limits: Limits,
    gatewayCount: number,
  ) {
    this.highest = limits;
    this.redisLeases = new RedisLeases(on.quota);
    on.clock.set(NOON);
    for (let gateway = 0; gateway < gatewayCount; gateway += 1)
      for (const project of PROJECTS) this.join(project);
  }

  get nowMs(): number {
    return this.on.clock.now().getTime();
  }

  private get now(): Instant {
    return { monotonicMs: this.nowMs, wallMs: this.nowMs };
  }

  private join(project: string): void {
    const options = { ttlSeconds: TTL_SECONDS, requestSeconds: REQUEST_SECONDS };
    this.leases.push(new Lease(`entity1/${project}`, options));
  }

  async publish(ended: readonly string[] = []): Promise<void> {
    this.version += 1n;
    const picos = (nanos: number) => BigInt(nanos) * NANOS_PER_PICO_TEXT;
    const projects = PROJECTS.map((name) =>
      aProjectQuota({
        project: name as ProjectName,
        monthCostPicos: picos(this.bookedBy.get(name) ?? 0),
        monthlyCapPicos: picos(this.limits.projectCapNanos),
      }),
    );
    const state: QuotaState = aQuotaState({
      version: this.version,
      at: this.on.clock.now(),
      monthCostPicos: picos(this.bookedNanos),
      monthlyCapPicos: picos(this.limits.capNanos),
      projects,
    });
    await this.on.publish(state, ended);
  }

  async limit(limits: Limits): Promise<void> {
    this.limits = limits;
    this.highest = {
      capNanos: Math.max(this.highest.capNanos, limits.capNanos),
      projectCapNanos: Math.max(this.highest.projectCapNanos, limits.projectCapNanos),
    };
    await this.publish();
  }

  /** True where the request was admitted: by the gateway, or where the gateway may not, centrally. */
  async admit(lease: Lease, holdNanos: number, mayAsk: boolean): Promise<boolean> {
    const project = lease.project.split('/')[1]!;
    const request = { project, holdNanos, startedMs: this.nowMs, isFinished: false };
    const id = lease.hold(holdNanos, this.now);
    if (id !== null) {
      this.requests.push({ ...request, id, lease });
      this.localCount += 1;
      return true;
    }
    if (!mayAsk) return false;
    await this.publish();
    this.centralCount += 1;
    const requestId = `central ${this.centralCount}`;
    const usd = `0.${String(holdNanos).padStart(9, '0')}`;
    const order = { subject: lease.project, requestId, usd, ttlSeconds: REQUEST_SECONDS };
    if ((await this.on.reserve(order)) !== 'held') return false;
    const [entity, name] = lease.project.split('/');
    const asked = idOf(requestId, { entity, project: name } as never);
    this.requests.push({ ...request, id: asked, lease: null });
    return true;
  }

  finish(request: Request): void {
    request.lease?.finish(request.id);
    request.isFinished = true;
  }

  async release(request: Request): Promise<void> {
    if (request.isFinished) return;
    if (request.lease === null) await this.on.quota.release('entity1' as never, request.id);
    else request.lease.release(request.id, this.now);
    this.remove(request);
  }

  /** Books the request's event with a cost of at most its hold. */
  async book(request: Request, costNanos: number): Promise<void> {
    if (!request.isFinished) this.finish(request);
    this.bookedNanos += costNanos;
    this.bookedBy.set(request.project, (this.bookedBy.get(request.project) ?? 0) + costNanos);
    this.remove(request);
    await this.publish([request.id]);
  }

  state(lease: Lease, wantedNanos: number, largestNanos: number): void {
    const body = lease.nextStatement(this.now, { wantedNanos, largestNanos, models: [] });
    this.messages.push({ lease, body, answer: null });
  }

  /** A message reaches Redis, perhaps not for the first time, and perhaps after later ones. */
  async deliver(message: Message): Promise<void> {
    await this.publish();
    const {
      lease_id: id,
      project,
      outstanding_usd,
      free_usd,
      wanted_usd,
      ...rest
    } = LeaseOrder.parse(message.body);
    const statement = {
      id,
      subject: project,
      sequence: rest.sequence,
      outstandingPicos: outstanding_usd,
      freePicos: free_usd,
      wantedPicos: wanted_usd,
      largestHoldPicos: rest.largest_hold_usd,
      ttlSeconds: rest.ttl_seconds,
      requestSeconds: rest.request_seconds,
      finished: rest.finished.map((each) => ({ id: each.id, holdPicos: each.hold_usd })),
      models: [],
    };
    const answer = await this.redisLeases.renew(statement, 'fresh');
    if (answer.verdict === 'ended') message.answer = 'ended';
    if (answer.verdict !== 'leased') return;
    const { sequence } = statement;
    const lease = { ...answer, id, subject: project, sequence, rates: [], degraded: false };
    message.answer = presentLease(lease);
  }

  /** The answer to a message reaches the gateway, if that is still alive. */
  hear({ lease, body, answer }: Message): void {
    if (answer === null || !this.leases.includes(lease)) return;
    if (answer !== 'ended') lease.accept(answer);
    else if (body.lease_id === lease.id) lease.restart();
  }

  async end(lease: Lease): Promise<void> {
    lease.finishAll();
    for (const request of this.requests) if (request.lease === lease) request.isFinished = true;
    const { project, request_seconds, finished } = LeaseEnd.parse(lease.ending(this.now));
    await this.publish();
    const ending = {
      id: lease.id,
      subject: project,
      requestSeconds: request_seconds,
      finished: finished.map((each) => ({ id: each.id, holdPicos: each.hold_usd })),
    };
    await this.redisLeases.end(ending, 'fresh');
  }

  /** Another process replaces this one: what was reported will be booked, and requests in flight are over. */
  die(lease: Lease): void {
    this.leases.splice(this.leases.indexOf(lease), 1);
    for (const request of this.requests.filter((each) => each.lease === lease && !each.isFinished))
      this.remove(request);
    this.isLeaking = true;
    this.join(lease.project.split('/')[1]!);
  }

  /** Moves time on. Requests do not stay in flight, nor their events on the way, for longer than their holds last. */
  wait(ms: number): void {
    this.on.clock.advance(ms);
    for (const request of this.requests.filter(
      (each) => this.nowMs - each.startedMs >= REQUEST_SECONDS * 1_000,
    )) {
      this.remove(request);
      this.isLeaking = true;
    }
  }

  /** What may still be spent: by requests in flight, by events on their way, and on what gateways would still admit. */
  exposedNanos(project?: string): number {
    const requests = this.requests.filter((each) => (project ?? each.project) === each.project);
    const admitting = this.leases.filter(
      (lease) =>
        lease.admits(this.now) && lease.project === `entity1/${project ?? lease.project.split('/')[1]}`,
    );
    const running = requests.reduce((sum, { holdNanos }) => sum + holdNanos, 0);
    return running + admitting.reduce((sum, { freeNanos }) => sum + freeNanos, 0);
  }

  /** By how much Redis holds too little for a lease: it must hold what may still be spent, in the lease's hold and in those handed over. */
  async uncoveredNanos(lease: Lease): Promise<number> {
    const requests = this.requests.filter((each) => each.lease === lease);
    const running = requests.reduce((sum, { holdNanos }) => sum + holdNanos, 0);
    const exposed = running + (lease.admits(this.now) ? lease.freeNanos : 0);
    const holds = await this.on.redis.hmget(
      'tally:{entity1}:holds',
      lease.id,
      ...requests.map(({ id }) => id),
    );
    return Math.max(0, exposed - holds.reduce((sum, hold) => sum + Number(hold?.split(':')[0] ?? 0), 0));
  }

  private remove(request: Request): void {
    const index = this.requests.indexOf(request);
    if (index !== -1) this.requests.splice(index, 1);
  }
}
