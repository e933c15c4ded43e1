/** Customers under a clock that jumps: their usage and reservations, and the answers, which the model predicts. */
import assert from 'node:assert/strict';
import type { TestApp } from '../support/app.js';
import type { TestQueue } from '../support/usage-queue.js';
import { bodyOf, jobOf, verdictOf } from './answers.js';
import type { Decisions, Order } from './decisions.js';
import type { Delivery } from './facts.js';
import type { Generator } from './generator.js';
import { isInTime, type Model } from './model.js';
import type { Random } from './random.js';

/** Holds in flight at once; the next request waits until one of them has ended. */
const RUNNING_MAX = 20;
const BURST_MAX = 12;

type Running = { readonly order: Order; readonly id: string };

type Setting = {
  readonly call: TestApp['call'];
  readonly queue: TestQueue;
  readonly model: Model;
  readonly decisions: Decisions;
  readonly generator: Generator;
  readonly random: Random;
  readonly nowMs: () => number;
  readonly tell: (text: string) => void;
};

export class Customers {
  private readonly reservations = new Map<string, Order>();
  private running: Running[] = [];
  /** Events in the paused queue, and when they were handed over. */
  private waiting: { delivery: Delivery; addedMs: number }[] = [];

  constructor(private readonly at: Setting) {}

  get areMany(): boolean {
    return this.running.length >= RUNNING_MAX;
  }

  get areNone(): boolean {
    return this.running.length === 0;
  }

  async traffic(): Promise<void> {
    const { generator, random, queue } = this.at;
    const sent = await this.send(generator.deliveries(random.int(1, 60), this.at.nowMs()));
    await queue.drained();
    for (const delivery of sent) this.deliver(delivery);
  }

  /** Usage that waits in a queue that is paused until `untilMs`, and the event of a request in flight, whose hold stays. */
  async wait(untilMs: number): Promise<void> {
    const { generator, random, queue } = this.at;
    const addedMs = this.at.nowMs();
    const finished = this.areNone ? [] : [this.finished(random.pick(this.running))];
    await queue.add(finished.map((delivery) => jobOf([delivery])));
    const beside = finished.flatMap(({ facts }) => facts ?? []);
    const deliveries = generator.deliveries(random.int(1, 60), addedMs, { countedMs: untilMs, beside });
    const sent = [...finished, ...(await this.send(deliveries))];
    this.waiting.push(...sent.map((delivery) => ({ delivery, addedMs })));
  }

  /** The queue goes on, and all that has waited is counted by what the time is now. */
  async resumed(): Promise<void> {
    await this.at.queue.drained();
    for (const { delivery, addedMs } of this.waiting.splice(0)) this.deliver(delivery, addedMs);
  }

  /** Returns what a worker will see: over HTTP, what cannot be counted is a dead letter at once. */
  private async send(deliveries: readonly Delivery[]): Promise<Delivery[]> {
    const jobs = this.at.generator.jobs(deliveries);
    this.at.tell(`${deliveries.length} events in ${jobs.length} jobs`);
    const byQueue = jobs.filter(() => this.at.random.chance(0.8));
    const byHttp = jobs.filter((job) => !byQueue.includes(job));
    await this.at.queue.add(byQueue.map(jobOf));
    const accepted: Delivery[] = [];
    for (const job of byHttp) accepted.push(...(await this.report(job)));
    return [...accepted, ...byQueue.flat()];
  }

  private async report(job: readonly Delivery[]): Promise<Delivery[]> {
    const { status, body } = await this.at.call('POST /v1/usage/events', {
      body: job.map((one) => one.body),
    });
    const nowMs = this.at.nowMs();
    const good = job.filter(({ facts }) => facts !== null && isInTime(facts, nowMs));
    assert.deepEqual(
      [status, body.accepted, body.rejected.length],
      [good.length > 0 ? 202 : 422, good.length, job.length - good.length],
    );
    for (const delivery of job) if (!good.includes(delivery)) this.at.model.deliver(delivery, nowMs);
    return good;
  }

  private deliver(delivery: Delivery, addedMs = this.at.nowMs()): void {
    const { facts } = delivery;
    const endsHold = this.at.model.deliver(delivery, this.at.nowMs(), addedMs);
    const order = facts?.reservationId ? this.reservations.get(facts.reservationId) : undefined;
    if (order === undefined || !endsHold) return;
    this.at.decisions.end(order.entity, order.requestId, this.at.nowMs());
  }

  async request(): Promise<void> {
    const order = this.at.generator.order(this.at.nowMs());
    const again = this.at.random.chance(0.1);
    let isAdmitted = false;
    for (let times = again ? 2 : 1; times > 0; times -= 1) isAdmitted = await this.reserve(order);
    if (!isAdmitted || this.at.random.chance(0.8)) return;
    const other = this.at.random.chance(0.5) ? { output: order.output + 1 } : { inputs: order.inputs + 1 };
    await this.reserve({ ...order, ...other });
  }

  private async reserve(order: Order): Promise<boolean> {
    const answer = await this.at.call('POST /v1/quota/reservations', { body: bodyOf(order) });
    const verdict = this.at.decisions.reserve(order, this.at.nowMs());
    this.at.tell(
      `reserve ${order.entity}/${order.project} ${order.requestId}: ${answer.status} ${answer.text.slice(0, 120)}`,
    );
    assert.deepEqual(verdictOf(answer), verdict, `reserve ${JSON.stringify(order)}: ${answer.text}`);
    if (answer.status === 201) this.admitted(order, answer.body.id as string);
    return answer.status === 201;
  }

  private admitted(order: Order, id: string): void {
    if (this.reservations.has(id)) return;
    this.reservations.set(id, order);
    this.running.push({ order, id });
  }

  /** Many equal requests at once: as many are admitted as fit, whichever they are. */
  async burst(): Promise<void> {
    const first = this.at.generator.order(this.at.nowMs(), { ttlSeconds: 900 });
    const orders = Array.from({ length: this.at.random.int(2, BURST_MAX) }, (_, index) => ({
      ...first,
      requestId: `${first.requestId}-${index}`,
    }));
    const answers = await Promise.all(
      orders.map((order) => this.at.call('POST /v1/quota/reservations', { body: bodyOf(order) })),
    );
    const pairs = orders.map((order, index) => ({ order, answer: answers[index]! }));
    const admittedFirst = pairs.toSorted((a, b) => a.answer.status - b.answer.status);
    this.at.tell(`burst ${first.entity}/${first.project}: ${answers.map(({ status }) => status).join(' ')}`);
    for (const { order, answer } of admittedFirst) {
      const verdict = this.at.decisions.reserve(order, this.at.nowMs());
      assert.equal(answer.status, verdict.status, `burst ${JSON.stringify(order)}: ${answer.text}`);
      if (answer.status === 201) this.admitted(order, answer.body.id as string);
    }
  }

  async end(): Promise<void> {
    const one = this.at.random.pick(this.running);
    const how = this.at.random.weighted({ finish: 6, release: 2, hang: 1, extend: 2 });
    this.at.tell(`${how} ${one.order.requestId}`);
    const { order, id } = one;
    if (how === 'release' || how === 'hang') this.forgetRunning(one);
    if (how === 'finish') {
      const delivery = this.finished(one);
      await this.at.queue.add([jobOf([delivery])]);
      await this.at.queue.drained();
      this.deliver(delivery);
    } else if (how === 'release') {
      const { status } = await this.at.call(`POST /v1/quota/reservations/${id}/release`);
      assert.equal(status, 200);
      this.at.decisions.end(order.entity, order.requestId, this.at.nowMs());
    } else if (how === 'extend') {
      const { status } = await this.at.call(`POST /v1/quota/reservations/${id}/extend`, {
        body: { ttl_seconds: 600 },
      });
      const times = { nowMs: this.at.nowMs(), ttlSeconds: 600 };
      assert.equal(status, this.at.decisions.extend(order.entity, order.requestId, times) ? 200 : 404);
    }
  }

  private finished(one: Running): Delivery {
    this.forgetRunning(one);
    return this.at.generator.finishing(one.order, one.id, this.at.nowMs());
  }

  private forgetRunning(one: Running): void {
    this.running = this.running.filter((other) => other !== one);
  }

  /** A request that has ended is repeated late: it holds nothing any more. */
  async repeat(): Promise<void> {
    const ended = [...this.reservations].filter(([id]) => this.running.every((one) => one.id !== id));
    if (ended.length > 0) await this.reserve(this.at.random.pick(ended.slice(-20))[1]);
  }

  /** Redis has lost every hold. */
  forget(): void {
    this.running = [];
  }

  async look(): Promise<void> {
    const [entity, project] = [this.at.generator.entity(), this.at.generator.project()];
    this.at.tell(`check ${entity}/${project}`);
    const headers = { 'openai-project': `${entity}/${project}` };
    const answer = await this.at.call('GET /v1/quota/check', { headers });
    assert.deepEqual(
      verdictOf(answer),
      this.at.decisions.check(entity, project, this.at.nowMs()),
      answer.text,
    );
  }
}
