/** Customers who ask, use, report and pay until they are stopped, each as the clients of a gateway do: with retries. */
import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type { Denial } from '../../../../packages/client/src/denial.js';
import { picosFromUsd } from '../../../../packages/client/src/protocol/money.js';
import { httpReporter } from '../../../../packages/client/src/http-reporter.js';
import type { UsageReporter } from '../../../../packages/client/src/outbox/outbox.js';
import type { Reservation } from '../../../../packages/client/src/protocol/reservation.js';
import { usageEvent, type UsageEvent } from '../../../../packages/client/src/protocol/usage-event.js';
import { queueReporter } from '../../../../packages/client/src/queue-reporter.js';
import type { TallyClient } from '../../../../packages/client/src/tally-client.js';
import { LLAMA } from '../../../support/builders.js';
import type { Machines } from './machines.js';
import type { Door } from './door.js';

/** Of 150 tokens at $0.71 a million: what each request holds, and what it costs. */
export const REQUEST_PICOS = 106_500_000n;
/** Pays 46 requests. */
const PURCHASE_USD = '0.005';
export const PURCHASE_PICOS = 5_000_000_000n;
/** Room for 187 requests. */
const CAP_USD = '0.02';
export const CAP_PICOS = 20_000_000_000n;
/** How many requests of a customer with a cap run at a time. */
export const AT_A_TIME = 2;

/** Between two requests of a customer. */
const PAUSE_MS = 40;
/** A reporter that keeps trying; what it keeps lies in memory. */
const OUTBOX = { backoffMsMax: 1_000, closeMs: 10_000 };

export type Decisions = { right: number; readonly wrong: string[] };

/** What one customer did. */
export type Customer = {
  readonly entity: string;
  /** Times of the events that were accepted, in ms. */
  readonly accepted: number[];
  /** Requests that were admitted while a server was unavailable. */
  degraded: number;
  purchases: number;
};

/** One request after the other: held, run, reported. */
type Kind = {
  /** What is wrong with the decision; null where it is right. */
  readonly judge: (decision: Reservation | Denial) => string | null;
  /** After a request that was denied. */
  readonly denied?: () => Promise<void>;
};

export class Load {
  readonly customers = new Map<string, Customer>();
  readonly decisions: Decisions = { right: 0, wrong: [] };
  /** Ids of events that nobody can count. */
  readonly bad: string[] = [];
  private readonly ending = new AbortController();
  private isAbandoned = false;
  private readonly running: Promise<void>[] = [];
  private readonly reports: Promise<void>[] = [];
  private readonly client: TallyClient;

  private constructor(
    private readonly machines: Machines,
    private readonly door: Door,
    private readonly reporters: { readonly http: UsageReporter; readonly queue: UsageReporter },
  ) {
    this.client = door.client();
  }

  static async open(machines: Machines, door: Door, redisUrl: string): Promise<Load> {
    const http = await httpReporter(door.client(), OUTBOX);
    return new Load(machines, door, { http, queue: await queueReporter({ redisUrl, ...OUTBOX }) });
  }

  /** Times of all events that were accepted. */
  accepted(): number[] {
    return [...this.customers.values()].flatMap(({ accepted }) => accepted);
  }

  /** Nothing limits it: every request is admitted. */
  async startRich(entity: string): Promise<void> {
    await this.create(entity, { overage: 'allowed', monthly_cap_usd: null });
    this.run(entity, { judge: (decision) => (isAdmitted(decision) ? null : `denied: ${decision.body}`) });
  }

  /** Has a cap of nothing: every request is denied for good. */
  async startPoor(entity: string): Promise<void> {
    await this.create(entity, { monthly_cap_usd: '0' });
    this.run(entity, { judge: (decision) => (isAdmitted(decision) ? 'admitted' : otherThanQuota(decision)) });
  }

  /**
   * Pays in advance, and buys when it is denied: what was bought counts for the next decision. That admits, but where each API has admitted as
   * much without Redis as the customer had, so that the requests in flight hold more than it has.
   */
  async startBuyer(entity: string): Promise<void> {
    await this.create(entity, { overage: 'blocked', monthly_cap_usd: null });
    const customer = this.customers.get(entity)!;
    let hasBought = false;
    this.run(entity, {
      judge(decision) {
        if (isAdmitted(decision)) {
          hasBought = false;
          return null;
        }
        return hasBought ? otherThanTooMuchHeld(decision, customer) : otherThanLimit(decision);
      },
      denied: async () => {
        await this.buy(entity);
        hasBought = true;
      },
    });
  }

  /** Goes on asking at its cap until it is stopped. */
  async startCapped(entity: string): Promise<() => void> {
    await this.create(entity, { overage: 'allowed', monthly_cap_usd: CAP_USD });
    const judge: Kind['judge'] = (decision) => (isAdmitted(decision) ? null : otherThanLimit(decision));
    const ending = new AbortController();
    const until = AbortSignal.any([ending.signal, this.ending.signal]);
    for (let n = 0; n < AT_A_TIME; n += 1) this.run(entity, { judge }, until);
    return () => ending.abort();
  }

  /** Until nobody can count it any more: it is refused, and becomes a dead letter. */
  async reportBad(entity: string): Promise<void> {
    const event = { ...this.eventOf(entity, undefined), id: `bad-${randomUUID()}` };
    const bad = { ...event, data: { ...event.data, usage: { prompt_tokens: -1, completion_tokens: 1 } } };
    this.bad.push(bad.id);
    const { rejected } = await this.untilAnswered(() => this.client.report([bad]));
    if (rejected.length !== 1) this.decisions.wrong.push(`${bad.id} was accepted`);
  }

  /** Resolves when every report has been acknowledged. */
  async stop(): Promise<void> {
    this.ending.abort();
    await Promise.all(this.running);
    await Promise.all(this.reports);
    await this.abandon();
  }

  /** Ends it as it is, where a test has failed. */
  async abandon(): Promise<void> {
    this.ending.abort();
    this.isAbandoned = true;
    await Promise.all(Object.values(this.reporters).map((reporter) => reporter.close()));
  }

  private async create(entity: string, limits: object): Promise<void> {
    this.customers.set(entity, { entity, accepted: [], degraded: 0, purchases: 0 });
    const path = `/v1/admin/entities/${entity}`;
    for (const [request, body] of [
      [`PUT ${path}`, { plan: 'free' }],
      [`PATCH ${path}/limits`, { max_concurrent_requests: null, ...limits }],
    ] as const) {
      const { status, text } = await this.machines.call(request, { body });
      if (status >= 300) throw new Error(`${request}: ${status} ${text}`);
    }
  }

  private run(entity: string, kind: Kind, until = this.ending.signal): void {
    const running = this.use(entity, kind, until);
    running.catch(() => {});
    this.running.push(running);
  }

  private async use(entity: string, { judge, denied }: Kind, until: AbortSignal): Promise<void> {
    const customer = this.customers.get(entity)!;
    for (let n = 0; !until.aborted; n += 1) {
      const decision = await this.reserve(entity);
      const wrong = judge(decision);
      if (wrong === null) this.decisions.right += 1;
      else this.decisions.wrong.push(`${entity}: ${wrong}`);
      if (isAdmitted(decision)) {
        if (decision.degraded === true) customer.degraded += 1;
        this.report(customer, this.eventOf(entity, decision.id), n % 2 === 0 ? 'http' : 'queue');
      } else if (!until.aborted) await denied?.();
      await delay(PAUSE_MS);
    }
  }

  private report(customer: Customer, event: UsageEvent, over: 'http' | 'queue'): void {
    const report = async () => {
      await this.reporters[over].report(event);
      customer.accepted.push(Date.parse(event.time));
    };
    const reported = report();
    // What fails is told when the load stops.
    reported.catch(() => {});
    this.reports.push(reported);
  }

  /** The same request, until somebody decides. */
  private async reserve(entity: string): Promise<Reservation | Denial> {
    const request = {
      project: `${entity}/project1`,
      model: LLAMA,
      inputTokens: 100,
      maxOutputTokens: 50,
      requestId: randomUUID(),
    };
    for (;;) {
      const admission = await this.client.reserve(request);
      if (admission.admitted) return admission.reservation;
      if (admission.denial.status < 500 || this.isAbandoned) return admission.denial;
      await delay(PAUSE_MS);
    }
  }

  private async buy(entity: string): Promise<void> {
    const customer = this.customers.get(entity)!;
    const key = randomUUID();
    await this.untilAnswered(async () => {
      const response = await this.door.fetch(`${this.machines.url}/v1/admin/entities/${entity}/credits`, {
        method: 'POST',
        headers: { ...this.machines.headers, 'content-type': 'application/json', 'idempotency-key': key },
        body: JSON.stringify({ amount_usd: PURCHASE_USD, category: 'paid', reference: key }),
      });
      if (response.status === 201) return;
      const text = await response.text();
      const isToRepeat = response.status >= 500 || text.includes('"idempotency_key_in_use"');
      if (!isToRepeat) this.decisions.wrong.push(`${entity} cannot buy: ${response.status} ${text}`);
      if (isToRepeat) throw new Error(text);
    });
    customer.purchases += 1;
  }

  private async untilAnswered<T>(ask: () => Promise<T>): Promise<T> {
    for (;;) {
      try {
        return await ask();
      } catch (error) {
        if (this.isAbandoned) throw error;
        await delay(PAUSE_MS);
      }
    }
  }

  private eventOf(entity: string, reservationId: string | undefined): UsageEvent {
    return usageEvent({
      id: randomUUID(),
      source: '/gateways/failover',
      project: `${entity}/project1`,
      time: new Date(),
      model: LLAMA,
      operation: 'chat',
      usage: { prompt_tokens: 100, completion_tokens: 50, total_tokens: 150 },
      ...(reservationId !== undefined && { reservationId }),
    });
  }
}

function isAdmitted(decision: Reservation | Denial): decision is Reservation {
  return 'hold_usd' in decision;
}

function otherThanQuota({ status, body }: Denial): string | null {
  return status === 429 && body.includes('"insufficient_quota"') ? null : `${status} ${body}`;
}

/** Near a limit the requests in flight may be in the way as well. */
function otherThanLimit(denial: Denial): string | null {
  return denial.status === 429 && denial.body.includes('"rate_limit_exceeded"')
    ? null
    : otherThanQuota(denial);
}

/** After a purchase: by the denial's own figures all that was bought counts, and only what was admitted without Redis is in the way. */
function otherThanTooMuchHeld(denial: Denial, { purchases, degraded }: Customer): string | null {
  if (denial.status !== 429) return otherThanLimit(denial);
  const { details } = JSON.parse(denial.body).error;
  const [limit, spent, held] = [details.limit_usd, details.spent_usd, details.held_usd].map(picosFromUsd);
  const over = spent! + held! + REQUEST_PICOS - limit!;
  const isRight =
    limit === BigInt(purchases) * PURCHASE_PICOS && over > 0n && over <= BigInt(degraded) * REQUEST_PICOS;
  return isRight ? otherThanLimit(denial) : `denied after a purchase: ${denial.body}`;
}
