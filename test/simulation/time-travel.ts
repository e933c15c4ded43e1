/**
 * A history over hours, months and years: the whole application in this process, with a clock that jumps. One step follows
 * the other, so the model foretells every decision, every remaining amount and every balance.
 */
import assert from 'node:assert/strict';
import { anApp, type TestApp } from '../support/app.js';
import { TestClock } from '../support/test-clock.js';
import { aTestQueue, type TestQueue } from '../support/usage-queue.js';
import { balanceBy, balanceOf, bodyOf, jobOf, verdictOf } from './answers.js';
import { apply, requestOf } from './changes.js';
import { compareBooks, learnPriceIds } from './comparison.js';
import { Decisions, type Order } from './decisions.js';
import type { Delivery } from './facts.js';
import { ENTITIES, Generator } from './generator.js';
import { checkImmutability, checkInvariants, type Sql } from './invariants.js';
import { isInTime, Model } from './model.js';
import { Random } from './random.js';
import { runUpkeep } from './upkeep.js';

/** What is never changed by a step of these, the books are compared after this many. */
const STEPS_A_COMPARISON = 6;
/** Holds that run at once; the next request waits until one of them has ended. */
const RUNNING_MAX = 20;
const BURST_MAX = 12;

type Running = { readonly order: Order; readonly id: string };

export class TimeTravel {
  private readonly random: Random;
  private readonly model = new Model();
  private readonly decisions = new Decisions(this.model);
  private readonly generator: Generator;
  private readonly clock: TestClock;
  private readonly reservations = new Map<string, Order>();
  private running: Running[] = [];
  private app!: TestApp;
  private queue!: TestQueue;
  private upkeep!: TestQueue;
  readonly told: string[] = [];

  constructor(readonly seed: number) {
    this.random = new Random(seed);
    this.generator = new Generator(this.random.fork('events'), this.model, 'exact');
    // Around the turns of months and years, and around leap days.
    const start = this.random.pick([
      '2026-11-29T22:00:00Z',
      '2027-12-30T12:00:00Z',
      '2028-02-27T00:00:00Z',
      '2027-02-27T00:00:00Z',
    ]);
    this.clock = new TestClock(new Date(start));
  }

  private readonly sql: Sql = async (text, values = []) =>
    (await this.app.database.pool.query(text, [...values])).rows;

  private get nowMs(): number {
    return this.clock.now().getTime();
  }

  /** Steps until `isOver`; throws an error that says what happened before. */
  async run(isOver: (stepCount: number) => boolean): Promise<number> {
    let steps = 0;
    try {
      await this.open();
      while (!isOver(steps)) {
        steps += 1;
        await this.step();
        if (steps % STEPS_A_COMPARISON === 0) await this.compare();
      }
      await this.compare();
      await checkImmutability(this.sql);
      return steps;
    } catch (error) {
      throw new Error(`seed ${this.seed}, step ${steps}:\n${this.told.slice(-25).join('\n')}`, {
        cause: error,
      });
    } finally {
      await this.close();
    }
  }

  private async open(): Promise<void> {
    this.app = await anApp({ role: 'all', clock: this.clock });
    this.queue = await aTestQueue(this.app.redis.url);
    this.upkeep = await aTestQueue(this.app.redis.url, 'upkeep');
    await learnPriceIds(this.sql, this.model);
  }

  private async close(): Promise<void> {
    await this.queue?.close();
    await this.upkeep?.close();
    await this.app?.close();
  }

  private async step(): Promise<void> {
    const what = this.random.weighted({
      traffic: 10,
      request: this.running.length < RUNNING_MAX ? 12 : 0,
      burst: this.running.length < RUNNING_MAX ? 2 : 0,
      end: this.running.length > 0 ? 10 : 0,
      look: 5,
      change: 8,
      advance: 7,
      forget: 1,
    });
    if (what === 'traffic') await this.traffic();
    if (what === 'request') await this.request();
    if (what === 'burst') await this.burst();
    if (what === 'end') await this.end();
    if (what === 'look') await this.look();
    if (what === 'change') await this.change();
    if (what === 'advance') this.advance();
    if (what === 'forget') await this.forget();
  }

  private tell(text: string): void {
    this.told.push(`${this.clock.now().toISOString()} ${text}`);
  }

  private async traffic(): Promise<void> {
    const deliveries = this.generator.deliveries(this.random.int(1, 60), this.nowMs);
    const jobs = this.generator.jobs(deliveries);
    this.tell(`${deliveries.length} events in ${jobs.length} jobs`);
    const byQueue = jobs.filter(() => this.random.chance(0.8));
    const byHttp = jobs.filter((job) => !byQueue.includes(job));
    await this.queue.add(byQueue.map(jobOf));
    for (const job of byHttp) await this.report(job);
    await this.queue.drained();
    for (const delivery of byQueue.flat()) this.deliver(delivery);
  }

  /** Over HTTP what cannot be counted is told at once and kept nowhere. */
  private async report(job: readonly Delivery[]): Promise<void> {
    const { status, body } = await this.app.call('POST /v1/usage/events', {
      body: job.map((one) => one.body),
    });
    const good = job.filter(({ facts }) => facts !== null && isInTime(facts, this.nowMs));
    assert.deepEqual(
      [status, body.accepted, body.rejected.length],
      [202, good.length, job.length - good.length],
    );
    for (const delivery of good) this.deliver(delivery);
  }

  private deliver(delivery: Delivery): void {
    const { facts } = delivery;
    this.model.deliver(delivery, this.nowMs);
    const order = facts?.reservationId ? this.reservations.get(facts.reservationId) : undefined;
    if (facts === null || order === undefined || !isInTime(facts, this.nowMs)) return;
    this.decisions.end(order.entity, order.requestId, this.nowMs);
  }

  private async request(): Promise<void> {
    const order = this.generator.order(this.nowMs);
    const again = this.random.chance(0.1);
    for (let times = again ? 2 : 1; times > 0; times -= 1) await this.reserve(order);
    if (!this.reservations.has(this.idOf(order)) || !this.random.chance(0.1)) return;
    await this.reserve({ ...order, output: order.output + 1 });
  }

  private async reserve(order: Order): Promise<void> {
    const answer = await this.app.call('POST /v1/quota/reservations', { body: bodyOf(order) });
    const verdict = this.decisions.reserve(order, this.nowMs);
    this.tell(
      `reserve ${order.entity}/${order.project} ${order.requestId}: ${answer.status} ${answer.text.slice(0, 120)}`,
    );
    assert.deepEqual(verdictOf(answer), verdict, `reserve ${JSON.stringify(order)}: ${answer.text}`);
    if (answer.status === 201) this.admitted(order, answer.body.id as string);
  }

  private readonly ids = new Map<string, string>();

  private idOf({ requestId }: Order): string {
    return this.ids.get(requestId) ?? '';
  }

  private admitted(order: Order, id: string): void {
    if (this.reservations.has(id)) return;
    this.reservations.set(id, order);
    this.ids.set(order.requestId, id);
    this.running.push({ order, id });
  }

  /** The same request many times at once: as many are admitted as fit, whoever they are. */
  private async burst(): Promise<void> {
    const first = this.generator.order(this.nowMs, { ttlSeconds: 900 });
    const orders = Array.from({ length: this.random.int(2, BURST_MAX) }, (_, index) => ({
      ...first,
      requestId: `${first.requestId}-${index}`,
    }));
    const answers = await Promise.all(
      orders.map((order) => this.app.call('POST /v1/quota/reservations', { body: bodyOf(order) })),
    );
    const pairs = orders.map((order, index) => ({ order, answer: answers[index]! }));
    const admittedFirst = pairs.toSorted((a, b) => a.answer.status - b.answer.status);
    this.tell(`burst ${first.entity}/${first.project}: ${answers.map(({ status }) => status).join(' ')}`);
    for (const { order, answer } of admittedFirst) {
      const verdict = this.decisions.reserve(order, this.nowMs);
      assert.equal(answer.status, verdict.status, `burst ${JSON.stringify(order)}: ${answer.text}`);
      if (answer.status === 201) this.admitted(order, answer.body.id as string);
    }
  }

  private async end(): Promise<void> {
    const one = this.random.pick(this.running);
    const how = this.random.weighted({ finish: 6, release: 2, hang: 1, extend: 2 });
    this.tell(`${how} ${one.order.requestId}`);
    if (how !== 'extend') this.running = this.running.filter((other) => other !== one);
    const { order, id } = one;
    if (how === 'finish') {
      const delivery = this.generator.finishing(order, id, this.nowMs);
      await this.queue.add([jobOf([delivery])]);
      await this.queue.drained();
      this.deliver(delivery);
    } else if (how === 'release') {
      const { status } = await this.app.call(`POST /v1/quota/reservations/${id}/release`);
      assert.equal(status, 200);
      this.decisions.end(order.entity, order.requestId, this.nowMs);
    } else if (how === 'extend') {
      const { status } = await this.app.call(`POST /v1/quota/reservations/${id}/extend`, {
        body: { ttl_seconds: 600 },
      });
      const times = { nowMs: this.nowMs, ttlSeconds: 600 };
      assert.equal(status, this.decisions.extend(order.entity, order.requestId, times) ? 200 : 404);
    }
  }

  private async look(): Promise<void> {
    const [entity, project] = [this.generator.entity(), this.generator.project()];
    this.tell(`check ${entity}/${project}`);
    const headers = { 'openai-project': `${entity}/${project}` };
    const answer = await this.app.call('GET /v1/quota/check', { headers });
    assert.deepEqual(verdictOf(answer), this.decisions.check(entity, project, this.nowMs), answer.text);
  }

  private async change(): Promise<void> {
    const change = this.generator.change(this.nowMs);
    const { request, body } = requestOf(change);
    this.tell(`${request} ${JSON.stringify(body)}`);
    const headers = { 'idempotency-key': `change ${this.told.length}` };
    const answer = await this.app.call(request, { body, headers });
    assert.ok(answer.status < 300, `${request}: ${answer.text}`);
    apply(change, this.model, { id: String(answer.body.id), nowMs: this.nowMs });
    // The same again is the same answer and changes nothing.
    const again = await this.app.call(request, { body, headers });
    if (request.startsWith('POST') || request.startsWith('PATCH')) assert.deepEqual(again.body, answer.body);
  }

  private advance(): void {
    const toMs = this.generator.laterThan(this.nowMs);
    if (toMs <= this.nowMs) return;
    this.clock.set(new Date(toMs));
    this.tell('is the time now');
  }

  /** A cache changes cost, never meaning: only the holds in flight are gone. */
  private async forget(): Promise<void> {
    this.tell('Redis loses everything');
    await this.queue.redis.flushall();
    this.decisions.forget();
    this.running = [];
  }

  private async compare(): Promise<void> {
    this.tell('compare');
    await runUpkeep(this.upkeep);
    this.model.chargeUnpriced(this.nowMs);
    for (const account of this.model.accounts.values()) account.writeOffExpired(this.nowMs);
    // Who is looked at gets what is due in this month; so it is in the books that are compared next.
    for (const entity of ENTITIES) await this.compareBalance(entity);
    await compareBooks(this.sql, this.model);
    await checkInvariants(this.sql, this.nowMs);
    const { body } = await this.app.call('GET /v1/admin/reconciliation');
    assert.deepEqual(
      body.checks.filter((check: { ok: boolean }) => !check.ok),
      [],
    );
  }

  private async compareBalance(entity: string): Promise<void> {
    const { body } = await this.app.call(`GET /v1/entities/${entity}/balance`);
    this.model.touch(entity, this.nowMs);
    const heldPicos = this.decisions.heldPicos(entity, this.nowMs);
    assert.deepEqual(
      balanceOf(body),
      balanceBy(this.model, entity, { nowMs: this.nowMs, heldPicos }),
      entity,
    );
  }

  get now(): string {
    return this.clock.now().toISOString();
  }

  /** How many distinct events the history has counted. */
  get eventCount(): number {
    return this.model.counted.size;
  }
}
