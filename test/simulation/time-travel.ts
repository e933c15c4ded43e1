/**
 * A history over hours, months and years: the whole application in this process, with a clock that jumps. One step follows
 * the other, so the model predicts every decision, every remaining amount and every balance.
 */
import assert from 'node:assert/strict';
import { anApp, type TestApp } from '../support/app.js';
import { TestClock } from '../support/test-clock.js';
import { aTestQueue, type TestQueue } from '../support/usage-queue.js';
import { makeChange } from './admin-calls.js';
import { Admins } from './admins.js';
import { balanceBy, balanceOf } from './answers.js';
import { requestOf, type Change } from './changes.js';
import { monthOf, monthStart } from './calendar.js';
import { compareDocuments } from './documents.js';
import { compareBooks, learnPriceIds } from './comparison.js';
import { Customers } from './customers.js';
import { Decisions } from './decisions.js';
import { ENTITIES, Generator } from './generator.js';
import { checkImmutability, checkInvariants, type Sql } from './invariants.js';
import { Model, type Extent } from './model.js';
import { FOR_EVER, personRequest } from './persons.js';
import { turnsBetween, type Turn } from './turns.js';
import { setPaused } from './queue-pauses.js';
import { Random } from './random.js';
import { runUpkeep, theUpkeep, upkeepDone, type Upkeep } from './upkeep.js';

/** The books are compared after this many steps. */
const STEPS_A_COMPARISON = 6;

/** What may be changed while usage waits that is to be paid by the grants of now. */
const CALM: ReadonlySet<string> = new Set([
  'limits',
  'owner limit',
  'project limits',
  'price',
  'void',
  'rerate',
  'repair',
]);

export class TimeTravel {
  private readonly random: Random;
  private readonly model = new Model();
  private readonly decisions = new Decisions(this.model);
  private readonly generator: Generator;
  private readonly admins: Admins;
  private readonly clock: TestClock;
  private app!: TestApp;
  private queue!: TestQueue;
  private upkeep!: Upkeep;
  private customers!: Customers;
  readonly told: string[] = [];

  constructor(
    readonly seed: number,
    /** How often time turned. */
    private readonly turns = new Map<Turn, number>(),
  ) {
    this.random = new Random(seed);
    this.generator = new Generator(this.random.fork('events'), this.model, 'exact');
    this.admins = new Admins(this.random.fork('admins'), this.model, 'exact');
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
    (await this.app.postgres.pool.query(text, [...values])).rows;

  private readonly call: TestApp['call'] = (request, options) => this.app.call(request, options);

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
    this.queue = await aTestQueue(this.app.redis.url, { nowMs: () => this.app.clock.now().getTime() });
    this.upkeep = await theUpkeep(this.app.redis.url);
    await learnPriceIds(this.sql, this.model);
    // A clock that is years ahead would forget everything at once.
    const { request, body } = personRequest({ what: 'retention', kept: FOR_EVER });
    assert.equal((await this.call(request, { body })).status, 200);
    const { model, decisions, generator, random, queue } = this;
    const at = { nowMs: () => this.nowMs, tell: (text: string) => this.tell(text) };
    this.customers = new Customers({
      ...at,
      call: this.call,
      queue,
      model,
      decisions,
      generator,
      random,
    });
  }

  private async close(): Promise<void> {
    await this.queue?.close();
    await Promise.all([this.upkeep?.money.close(), this.upkeep?.slow.close()]);
    await this.app?.close();
  }

  private async step(): Promise<void> {
    const what = this.random.weighted({
      traffic: 10,
      request: this.customers.areMany ? 0 : 12,
      burst: this.customers.areMany ? 0 : 2,
      end: this.customers.areNone ? 0 : 10,
      repeat: 2,
      look: 5,
      change: 16,
      advance: 7,
      schedule: 1,
      forget: 1,
      pause: 3,
    });
    if (what === 'traffic') await this.customers.traffic();
    if (what === 'request') await this.customers.request();
    if (what === 'burst') await this.customers.burst();
    if (what === 'end') await this.customers.end();
    if (what === 'repeat') await this.customers.repeat();
    if (what === 'look') await this.customers.look();
    if (what === 'change') await this.make(this.admins.change(this.nowMs));
    if (what === 'advance') await this.advance();
    if (what === 'schedule') await this.schedule();
    if (what === 'forget') await this.forget();
    if (what === 'pause') await this.pause();
  }

  private tell(text: string): void {
    this.told.push(`${this.clock.now().toISOString()} ${text}`);
    if (process.env.TELL) console.log(Date.now() % 1000000, text.slice(0, 120));
  }

  private async make(change: Change): Promise<void> {
    const { request, body } = requestOf(change);
    this.tell(`${request} ${JSON.stringify(body)}`);
    const by = { call: this.call, sql: this.sql, model: this.model, random: this.random };
    await makeChange(change, { ...by, nowMs: this.nowMs, key: `change ${this.told.length}` });
  }

  /** The scheduled jobs: on time or late, also many times at once. */
  private async schedule(): Promise<void> {
    this.tell('upkeep');
    await runUpkeep(this.upkeep, this.random.int(1, 3));
    this.model.upkeep(this.nowMs);
  }

  /**
   * Usage waits while an admin has paused the queue: nothing is counted, holds stay, decisions go on, and admins change what pays for no
   * event. Once it is resumed, all of it is counted by what the time is then.
   */
  private async pause(): Promise<void> {
    const { customers, random, call } = this;
    const laterMs = random.chance(0.5) ? this.generator.laterThan(this.nowMs) : this.nowMs;
    const untilMs = Math.max(this.nowMs, laterMs);
    this.tell(`the queue is paused until ${new Date(untilMs).toISOString()}`);
    await setPaused(call, true);
    await customers.wait(untilMs);
    for (let count = random.int(0, 3); count > 0; count -= 1) {
      const change = this.admins.change(this.nowMs);
      if (CALM.has(change.what)) await this.make(change);
    }
    if (!customers.areMany) await customers.request();
    if (untilMs > this.nowMs) await this.advance(untilMs);
    await customers.look();
    for (const entity of ENTITIES) await this.compareBalance(entity);
    const [row] = await this.sql('select count(*)::int as count from rated_events');
    assert.equal(row!['count'], this.model.counted.size, 'a paused queue counts nothing');
    await setPaused(call, false);
    await customers.resumed();
  }

  private async advance(toMs = this.generator.laterThan(this.nowMs)): Promise<void> {
    if (toMs <= this.nowMs) return;
    for (const turn of turnsBetween(this.nowMs, toMs)) this.turns.set(turn, (this.turns.get(turn) ?? 0) + 1);
    this.clock.set(new Date(toMs));
    // Time that does not jump leaves upkeep weeks for this.
    await this.upkeep.money.add([{}], 'make-months');
    await upkeepDone(this.upkeep.money);
    this.tell('is the time now');
  }

  /** A cache changes cost, never meaning: only the holds in flight are gone. */
  private async forget(): Promise<void> {
    this.tell('Redis loses everything');
    await this.queue.redis.flushall();
    this.decisions.forget();
    this.customers.forget();
  }

  private async compare(): Promise<void> {
    this.tell('compare');
    await runUpkeep(this.upkeep);
    this.model.upkeep(this.nowMs);
    // Reading an entity grants its allowance of this month, so it is in the books that are compared next.
    for (const entity of ENTITIES) await this.compareBalance(entity);
    await compareBooks(this.sql, this.model, { paidBy: 'month' });
    await checkInvariants(this.sql, this.nowMs);
    await this.compareDocuments();
    const { body } = await this.app.call('GET /v1/admin/reconciliation');
    assert.deepEqual(
      body.checks.filter((check: { ok: boolean }) => !check.ok),
      [],
    );
  }

  private async compareBalance(entity: string): Promise<void> {
    const { status, body } = await this.app.call(`GET /v1/entities/${entity}/balance`);
    if (status === 404) {
      assert.equal(this.model.accounts.has(entity), false, `${entity} exists`);
      return;
    }
    this.model.touch(entity, this.nowMs);
    const heldPicos = this.decisions.heldPicos(entity, this.nowMs);
    assert.deepEqual(
      balanceOf(body),
      balanceBy(this.model, entity, { nowMs: this.nowMs, heldPicos }),
      entity,
    );
  }

  /** Of one customer: this month, the one before, and any that is closed. */
  private async compareDocuments(): Promise<void> {
    const account = this.model.accounts.get(this.random.pick(ENTITIES));
    if (account === undefined) return;
    const before = monthOf(monthStart(this.nowMs, -1));
    const closed = [...account.closed.keys()];
    const months = [monthOf(this.nowMs), before, ...(closed.length > 0 ? [this.random.pick(closed)] : [])];
    for (const month of new Set(months))
      await compareDocuments(month, { call: this.call, sql: this.sql, account });
  }

  get now(): string {
    return this.clock.now().toISOString();
  }

  /** How many events it has counted, corrected and closed months over. */
  get extent(): Extent {
    return this.model.extent;
  }
}
