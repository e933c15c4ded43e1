/** What customers send while things break: usage over HTTP and over the queue, and requests that reserve before they spend. */
import { setTimeout as delay } from 'node:timers/promises';
import type { ShardedQueue } from '../support/usage-queue.js';
import { bodyOf, jobOf } from './answers.js';
import type { Order } from './decisions.js';
import { RESERVING, type ReservingCustomers } from './reserving-customers.js';
import type { Delivery } from './facts.js';
import { Generator } from './generator.js';
import type { Model } from './model.js';
import type { Ask } from './patient-admin.js';
import { mostInput } from './price-versions.js';
import type { Random } from './random.js';
import { picosOf } from './usd.js';

/** How long a producer waits for Redis. */
const TAKEN_MS_MAX = 500;

type Job = {
  readonly deliveries: readonly Delivery[];
  readonly door: 'queue' | 'http';
  /** Redis has it, as far as the producer knows. */
  isTaken: boolean;
};

type Sending = {
  readonly random: Random;
  /** For choices while everything runs at once. */
  readonly chaos: Random;
  readonly ask: Ask;
  readonly queue: ShardedQueue;
  readonly model: Model;
  readonly reserving: ReservingCustomers;
};

export class Traffic {
  private readonly orders: Generator;
  private readonly finished: Generator;
  private jobs: Job[] = [];
  private redisIsLost = false;

  constructor(private readonly sending: Sending) {
    const { random, model } = sending;
    this.orders = new Generator(random.fork('orders'), model, 'avoided', 'order');
    this.finished = new Generator(random.fork('finished'), model, 'avoided', 'finished');
  }

  /** Begins a round, in which Redis may lose its data. */
  begin({ redisIsLost }: { redisIsLost: boolean }): void {
    this.jobs = [];
    this.redisIsLost = redisIsLost;
  }

  /** All events of the round. */
  sent(): Delivery[] {
    return this.jobs.flatMap(({ deliveries }) => deliveries);
  }

  async send(all: readonly Delivery[]): Promise<void> {
    const door = this.sending.chaos.chance(0.2) ? 'http' : 'queue';
    const deliveries = door === 'queue' ? all : all.filter(({ facts }) => facts !== null);
    if (deliveries.length === 0) return;
    const job: Job = { door, deliveries, isTaken: false };
    this.jobs.push(job);
    job.isTaken = await this.hand(job);
  }

  private async hand({ door, deliveries }: Job): Promise<boolean> {
    if (door === 'http') {
      const body = deliveries.map((delivery) => delivery.body);
      return (await this.sending.ask('POST /v1/usage/events', { body }))?.status === 202;
    }
    // Some producers know of the shards. Any worker counts what is on any queue.
    const { chaos, queue } = this.sending;
    const taker = chaos.pick([queue, ...queue.shards]);
    const added = taker.add([jobOf(deliveries)]).then(() => true);
    return Promise.race([added, delay(TAKEN_MS_MAX, false, { ref: false })]);
  }

  /** Sends again, as an outbox does, what was not accepted and what Redis may have lost, and some that arrived. Returns how many. */
  async sendAgain(): Promise<string> {
    const { chaos, queue } = this.sending;
    const again = this.jobs.filter(({ isTaken }) => !isTaken || this.redisIsLost || chaos.chance(0.2));
    await queue.add(again.map(({ deliveries }) => jobOf(deliveries)));
    return `${again.length} of ${this.jobs.length} jobs are sent again`;
  }

  order(): Order {
    const { random } = this.sending;
    const entity = random.pick(RESERVING);
    const model = random.pick(['cw_Qwen_QwQ-32B', 'cw_deepseek-ai_DeepSeek-R1']);
    const order = this.orders.order(Date.now(), { entity, model, ttlSeconds: 900 });
    return { ...order, input: order.input === null ? null : order.input + 1, output: order.output + 1 };
  }

  async request(order: Order): Promise<void> {
    const { ask, chaos, reserving } = this.sending;
    const body = bodyOf(order);
    const path = '/v1/quota/reservations';
    const answer = (await ask(`POST ${path}`, { body })) ?? (await ask(`POST ${path}`, { body }));
    if (answer === null || answer.status !== 201) return;
    const id = answer.body.id as string;
    const how = chaos.weighted({ finish: 7, release: 2, hang: 1 });
    if (how === 'release') await ask(`POST ${path}/${id}/release`, {});
    if (how !== 'finish') return;
    const delivery = this.finishing(order, id);
    const isHeld = answer.body.degraded !== true && !this.redisIsLost;
    reserving.spend(delivery, isHeld ? picosOf(answer.body.hold_usd as string) : 0n);
    await this.send([delivery]);
  }

  /** It costs at most what it holds. */
  private finishing(order: Order, id: string): Delivery {
    const { entity, model } = order;
    const most = mostInput(this.sending.model.priceFor({ entity, model, atMs: Date.now() })!, order);
    for (;;) {
      const delivery = this.finished.finishing(order, id, Date.now());
      const { input, output } = delivery.facts!;
      if (input <= most && output <= order.output) return delivery;
    }
  }
}
