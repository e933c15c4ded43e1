/**
 * A history of faults: several processes, with requests and usage at once, while something breaks all the time. At the end of each
 * round everything is repaired, and what was not accepted is sent again. Then the books must equal the model's.
 */
import assert from 'node:assert/strict';
import { setTimeout as delay } from 'node:timers/promises';
import { callerOf, type Answer, type CallOptions } from '../support/app.js';
import { anInstallation, type Installation } from '../support/installation.js';
import { anOwnPostgres, type OwnPostgres } from '../support/own-postgres.js';
import { until } from '../support/until.js';
import { Account } from './accounts.js';
import { Admins } from './admins.js';
import { verdictOf } from './answers.js';
import { ConcurrentCorrections, CORRECTED } from './concurrent-corrections.js';
import { monthStart } from './calendar.js';
import { compareBooks, learnPriceIds } from './comparison.js';
import { Decisions } from './decisions.js';
import { ReservingCustomers } from './reserving-customers.js';
import { FAULTS, revive } from './faults.js';
import { JumpingClocks } from './jumping-clocks.js';
import { ENTITIES, Generator, PROJECTS } from './generator.js';
import { checkImmutability, checkInvariants } from './invariants.js';
import { Model, type Extent } from './model.js';
import { Staging } from './staging.js';
import { PatientAdmin, type Ask } from './patient-admin.js';
import { Random } from './random.js';
import { Traffic } from './traffic.js';
import { runUpkeep, schedulesOnTime, theUpkeep, type Upkeep } from './upkeep.js';

const WORKERS = 2;
/** Things that happen at once. */
const HANDS = 4;
const LOOKED_AT = [...ENTITIES, ...CORRECTED];

export type FaultCount = { injected: number; hit: number };
export class Disasters {
  /** Plans the rounds, so that a seed repeats its faults, its changes and its traffic. */
  private readonly random: Random;
  /** For choices while everything runs at once, whose order does not depend on the seed alone. */
  private readonly chaos: Random;
  private readonly model = new Model();
  private readonly decisions = new Decisions(this.model);
  private readonly reserving = new ReservingCustomers(this.model);
  private readonly generator: Generator;
  private readonly admins: Admins;
  private postgres!: OwnPostgres;
  private tally!: Installation;
  private admin!: PatientAdmin;
  private corrections!: ConcurrentCorrections;
  private traffic!: Traffic;
  private upkeep!: Upkeep;
  private staging!: Staging;
  private readonly clocks = new JumpingClocks();
  private busy = 0;
  private askedCount = 0;
  private roundCount = 0;
  readonly told: string[] = [];

  constructor(
    readonly seed: number,
    private readonly counts: Map<string, FaultCount>,
    private readonly apis = 1,
  ) {
    this.random = new Random(seed);
    this.chaos = this.random.fork('chaos');
    this.generator = new Generator(this.random.fork('events'), this.model, 'avoided');
    this.admins = new Admins(this.random.fork('admins'), this.model, 'avoided');
  }

  /** Rounds until `isOver`; throws an error that says what happened before. */
  async run(isOver: (roundCount: number) => boolean): Promise<number> {
    let rounds = 0;
    try {
      await this.open();
      while (!isOver(rounds)) {
        rounds += 1;
        await this.round();
      }
      await checkImmutability(this.tally.sql);
      return rounds;
    } catch (error) {
      throw new Error(`seed ${this.seed}, round ${rounds}:\n${this.told.slice(-40).join('\n')}`, {
        cause: error,
      });
    } finally {
      await Promise.all([this.upkeep?.money.close(), this.upkeep?.slow.close()]);
      await this.tally?.close();
      this.clocks.close();
    }
  }

  /** How many events it has counted, corrected and closed months over. */
  get extent(): Extent {
    return this.model.extent;
  }

  private tell(text: string): void {
    this.told.push(`${new Date().toISOString()} ${text}`);
  }

  private async open(): Promise<void> {
    this.postgres = await anOwnPostgres();
    this.tally = await anInstallation({
      postgres: this.postgres,
      environment: this.clocks.environment,
      // Of two seeds in a row one has shards.
      shards: this.seed % 2 === 0 ? 1 : 3,
    });
    this.upkeep = await theUpkeep(this.tally.redis.url);
    // The first one migrates.
    for (let index = 0; index < this.apis; index += 1) await this.tally.start('api');
    for (let index = 0; index < WORKERS; index += 1) await this.tally.start('worker');
    await learnPriceIds(this.tally.sql, this.model);
    this.employ();
    for (const change of [...this.reserving.begin(), ...this.corrections.begin()])
      await this.admin.change(change);
  }

  private employ(): void {
    const { sql } = this.tally;
    const { model, random, upkeep } = this;
    const ask: Ask = (request, options) => this.ask(request, options);
    const by = { ask, sql, upkeep: upkeep.money, model, tell: (text: string) => this.tell(text) };
    this.admin = new PatientAdmin(`admin ${this.seed}`, { ...by, random: random.fork('slips') });
    const generator = new Generator(random.fork('concurrent'), model, 'avoided', 'concurrent');
    const clerk = new PatientAdmin(`clerk ${this.seed}`, { ...by, random: this.chaos.fork('slips') });
    const { reserving, chaos } = this;
    this.traffic = new Traffic({ random, chaos, ask, model, reserving, queue: this.tally.queue });
    this.corrections = new ConcurrentCorrections(random.fork('corrected'), model, generator, clerk);
    const { tally, admin, admins } = this;
    const staged = { tally, admin, admins, generator: this.generator, model, random: random.fork('staging') };
    const count = (name: string): FaultCount => this.countOf(name);
    const decide = (entity: string): Promise<void> => this.compareDecision(entity);
    this.staging = new Staging({ ...staged, count, tell: by.tell, decide });
  }

  private async round(): Promise<void> {
    const { random, generator } = this;
    for (const change of this.reserving.more()) await this.admin.change(change);
    const faults = random.shuffled(Object.keys(FAULTS)).slice(0, random.int(2, 6));
    this.tell(`round of ${faults.join(', ')}`);
    this.traffic.begin({ redisIsLost: faults.some((name) => FAULTS[name]!.losesRedis) });
    const early = faults.filter((name) => FAULTS[name]!.meetsChanges);
    const late = faults.filter((name) => !early.includes(name));
    const changeCount = random.int(2 + early.length, 10 + early.length);
    const corrected = this.corrections.deliveries(random.int(50, 300), Date.now());
    const jobs = [generator.deliveries(random.int(200, 800), Date.now()), corrected].flatMap((some) =>
      generator.jobs(some),
    );
    const orders = Array.from({ length: random.int(40, 120) }, () => this.traffic.order());
    const work = random.shuffled([
      ...jobs.map((job) => () => this.traffic.send(job)),
      ...orders.map((order) => () => this.traffic.request(order)),
      ...Array.from({ length: random.int(5, 20) }, () => () => this.corrections.correct(this.chaos)),
    ]);
    // Changes come first, one by one: the model cannot tell which events came before a purchase that runs beside them.
    await this.begunMonthsAgo();
    const happening = early.map((name) => this.happen(name));
    for (let count = 0; count < changeCount; count += 1) {
      await this.reserving.outliving(() => this.admin.change(this.admins.change(Date.now())));
    }
    await this.attend(work, late, happening);
    await Promise.all(happening);
    await this.settle();
    await this.staging.beforeComparison();
    await this.compare();
    await this.staging.afterComparison();
  }

  /** An entity with as many months to close. */
  private async begunMonthsAgo(): Promise<void> {
    const entity = `old-${(this.roundCount += 1)}`;
    const startMs = monthStart(Date.now(), -this.random.int(2, 12));
    await this.admin.change({ what: 'entity', entity, plan: 'free' });
    await this.tally.sql(`update entities set created_at = $2::timestamptz where name = $1`, [
      entity,
      new Date(startMs),
    ]);
    this.model.accounts.set(entity, new Account(entity, startMs));
  }

  /** Several workers take one piece of work after the other; faults happen in between. */
  private async attend(
    work: readonly (() => Promise<void>)[],
    faults: readonly string[],
    happening: Promise<void>[],
  ): Promise<void> {
    const strikes = faults.map((name) => ({ at: this.random.int(0, work.length - 1), name }));
    let next = 0;
    const hand = async (): Promise<void> => {
      for (let index = next++; index < work.length; index = next++) {
        for (const { at, name } of strikes) if (at === index) happening.push(this.happen(name));
        this.busy += 1;
        await work[index]!().finally(() => (this.busy -= 1));
      }
    };
    await Promise.all(Array.from({ length: HANDS }, hand));
  }

  private countOf(name: string): FaultCount {
    const count = this.counts.get(name) ?? { injected: 0, hit: 0 };
    this.counts.set(name, count);
    return count;
  }

  private async happen(name: string): Promise<void> {
    const count = this.countOf(name);
    count.injected += 1;
    const { tally, postgres, upkeep, random } = this;
    const wasBusy =
      this.busy > 0 || (await Promise.race([tally.queue.openCount(), delay(200, 1, { ref: false })])) > 0;
    const met = await FAULTS[name]!.happen({
      tally,
      postgres,
      upkeep: upkeep.money,
      clocks: this.clocks,
      random: random.fork(`${name} ${count.injected}`),
    });
    if (met ?? wasBusy) count.hit += 1;
    this.tell(`${name} is over`);
  }

  /** Asks any API; null where it did not answer, or answered that it is unavailable. */
  private async ask(request: string, options: CallOptions): Promise<Answer | null> {
    const apis = this.tally.machines.filter(({ role, service }) => role === 'api' && service.isRunning);
    const api = apis[this.askedCount++ % Math.max(1, apis.length)];
    if (api === undefined) return null;
    const answer = await callerOf(api.service.url)(request, options).catch(() => null);
    return answer === null || answer.status >= 500 ? null : answer;
  }

  /** Repairs everything. As an outbox does, the producer sends again what was not accepted, and what Redis may have lost. */
  private async settle(): Promise<void> {
    await this.tally.mend();
    for (const machine of this.tally.machines) await revive(machine);
    await until('every process is ready', async () => {
      const answers = this.tally.machines.map(({ service }) => service.call('GET /readyz').catch(() => null));
      return (await Promise.all(answers)).every((answer) => answer?.status === 200);
    });
    this.tell(await this.traffic.sendAgain());
    await this.tally.queue.drained();
    for (const delivery of this.traffic.sent()) this.model.deliver(delivery, Date.now());
    this.corrections.settle(Date.now());
    await Promise.all([this.upkeep.money.stall(), this.upkeep.slow.stall()]);
    // Both workers run it, also at once.
    await runUpkeep(this.upkeep, this.random.int(1, 3));
    this.model.upkeep(Date.now());
    await schedulesOnTime(this.upkeep);
  }

  private async compare(): Promise<void> {
    const { sql } = this.tally;
    // Reading an entity grants its allowance of this month.
    for (const entity of LOOKED_AT) {
      await this.tally.call(`GET /v1/entities/${entity}/balance`);
      this.model.touch(entity, Date.now());
    }
    await compareBooks(sql, this.model, { paidBy: 'entity' });
    await checkInvariants(sql, Date.now());
    assert.deepEqual(await this.tally.differences(), []);
    this.reserving.check();
    for (const entity of LOOKED_AT) await this.compareDecision(entity);
  }

  /** These entities hold nothing, so a decision from Redis must be the decision by the books. */
  private async compareDecision(entity: string): Promise<void> {
    for (const project of PROJECTS) {
      const headers = { 'openai-project': `${entity}/${project}` };
      const answer = await this.tally.call('GET /v1/quota/check', { headers });
      assert.deepEqual(
        verdictOf(answer),
        this.decisions.check(entity, project, Date.now()),
        `${entity}/${project}`,
      );
    }
  }
}
