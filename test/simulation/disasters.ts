/**
 * A history of faults: several processes, requests and usage at once, and something breaks all the time. In the end of each
 * round everything is mended, and what nobody took is sent again; then the books must be the model's, whatever happened in between.
 */
import assert from 'node:assert/strict';
import { setTimeout as delay } from 'node:timers/promises';
import { callerOf, type Answer, type CallOptions } from '../support/app.js';
import { anInstallation, type Installation } from '../support/installation.js';
import { anOwnPostgres, type OwnPostgres } from '../support/own-postgres.js';
import { until } from '../support/until.js';
import { aTestQueue, type TestQueue } from '../support/usage-queue.js';
import { bodyOf, jobOf, verdictOf } from './answers.js';
import { apply, requestOf, type Change } from './changes.js';
import { compareBooks, learnPriceIds } from './comparison.js';
import { Decisions, type Order } from './decisions.js';
import { Disciplined, DISCIPLINED } from './disciplined.js';
import type { Delivery } from './facts.js';
import { FAULTS, revive } from './faults.js';
import { ENTITIES, Generator, PROJECTS } from './generator.js';
import { checkImmutability, checkInvariants } from './invariants.js';
import { Model } from './model.js';
import { Random } from './random.js';
import { runUpkeep } from './upkeep.js';
import { picosOf } from './usd.js';

const WORKERS = 2;
/** Things that happen at once. */
const HANDS = 4;
const DRAINED_SECONDS_MAX = 90;

export type FaultCount = { injected: number; hit: number };
type Job = {
  readonly deliveries: readonly Delivery[];
  readonly door: 'queue' | 'http';
  /** Redis has it, as far as the producer was told. */
  isTaken: boolean;
};

export class Disasters {
  /** Plans the rounds, so that a seed repeats its faults, its changes and its traffic. */
  private readonly random: Random;
  /** Chooses while everything runs at once: its order is not the seed's alone. */
  private readonly chaos: Random;
  private readonly model = new Model();
  private readonly decisions = new Decisions(this.model);
  private readonly disciplined = new Disciplined(this.model);
  private readonly generator: Generator;
  private readonly finisher: Generator;
  private postgres!: OwnPostgres;
  private tally!: Installation;
  private upkeep!: TestQueue;
  private jobs: Job[] = [];
  private busy = 0;
  private keyCount = 0;
  private redisWasLost = false;
  readonly told: string[] = [];

  constructor(
    readonly seed: number,
    private readonly counts: Map<string, FaultCount>,
    private readonly apis = 1,
  ) {
    this.random = new Random(seed);
    this.chaos = this.random.fork('chaos');
    this.generator = new Generator(this.random.fork('events'), this.model, 'avoided');
    this.finisher = new Generator(this.random.fork('finished'), this.model, 'avoided', 'finished');
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
      await this.upkeep?.close();
      await this.tally?.close();
    }
  }

  get eventCount(): number {
    return this.model.counted.size;
  }

  private tell(text: string): void {
    this.told.push(`${new Date().toISOString()} ${text}`);
  }

  private async open(): Promise<void> {
    this.postgres = await anOwnPostgres();
    this.tally = await anInstallation({ postgres: this.postgres });
    this.upkeep = await aTestQueue(this.tally.redis.url, 'upkeep');
    // The first one migrates.
    for (let index = 0; index < this.apis; index += 1) await this.tally.start('api');
    for (let index = 0; index < WORKERS; index += 1) await this.tally.start('worker');
    await learnPriceIds(this.tally.sql, this.model);
    for (const change of this.disciplined.begin()) await this.change(change);
  }

  private async round(): Promise<void> {
    const { random, generator } = this;
    this.jobs = [];
    this.redisWasLost = false;
    for (const change of this.disciplined.more()) await this.change(change);
    const faults = random.shuffled(Object.keys(FAULTS)).slice(0, random.int(2, 6));
    this.tell(`round of ${faults.join(', ')}`);
    this.redisWasLost = faults.some((name) => FAULTS[name]!.losesRedis);
    const early = faults.filter((name) => FAULTS[name]!.meetsChanges);
    const late = faults.filter((name) => !early.includes(name));
    const changes = Array.from({ length: random.int(early.length * 2, 4 + early.length) }, () =>
      generator.change(Date.now()),
    );
    const deliveries = generator.deliveries(random.int(200, 800), Date.now());
    const work = random.shuffled([
      ...generator.jobs(deliveries).map((job) => () => this.send(job)),
      ...Array.from({ length: random.int(40, 120) }, () => this.aRequest()).map(
        (order) => () => this.request(order),
      ),
    ]);
    // Changes come first, one by one: the model cannot tell which event came before a purchase that runs beside it.
    const happening = early.map((name) => this.happen(name));
    for (const change of changes) await this.change(change);
    await this.attend(work, late, happening);
    await Promise.all(happening);
    await this.settle();
    await this.compare();
  }

  /** Several hands take one piece of work after the other; faults strike in between. */
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

  private async happen(name: string): Promise<void> {
    const count = this.counts.get(name) ?? { injected: 0, hit: 0 };
    this.counts.set(name, count);
    count.injected += 1;
    const { tally, postgres, random } = this;
    const wasBusy =
      this.busy > 0 || (await Promise.race([tally.queue.openCount(), delay(200, 1, { ref: false })])) > 0;
    const met = await FAULTS[name]!.happen({
      tally,
      postgres,
      random: random.fork(`${name} ${count.injected}`),
    });
    if (met ?? wasBusy) count.hit += 1;
    this.tell(`${name} is over`);
  }

  /** Asks any API; null where it did not answer, or answered that it cannot. */
  private async ask(request: string, options: CallOptions): Promise<Answer | null> {
    const apis = this.tally.machines.filter(({ role, service }) => role === 'api' && service.isRunning);
    const api = apis[this.keyCount++ % Math.max(1, apis.length)];
    if (api === undefined) return null;
    const answer = await callerOf(api.service.url)(request, options).catch(() => null);
    return answer === null || answer.status >= 500 ? null : answer;
  }

  /** An admin asks until there is an answer, under one idempotency key. */
  private async change(change: Change): Promise<void> {
    const { request, body } = requestOf(change);
    const headers = { 'idempotency-key': `change ${this.seed} ${this.keyCount++}` };
    const answers: Answer[] = [];
    await until(
      `an answer to ${request}`,
      async () => {
        const answer = await this.ask(request, { body, headers });
        if (answer !== null && answer.body?.error?.code !== 'idempotency_key_in_use') answers.push(answer);
        return answers.length > 0;
      },
      DRAINED_SECONDS_MAX,
    );
    const { status, text, body: made } = answers[0]!;
    this.tell(`${request} ${JSON.stringify(body)}: ${status}`);
    assert.ok(status < 300, `${request}: ${text}`);
    apply(change, this.model, { id: String(made.id), nowMs: Date.now() });
  }

  private async send(all: readonly Delivery[]): Promise<void> {
    const door = this.chaos.chance(0.2) ? 'http' : 'queue';
    const deliveries = door === 'queue' ? all : all.filter(({ facts }) => facts !== null);
    if (deliveries.length === 0) return;
    const job: Job = { door, deliveries, isTaken: false };
    this.jobs.push(job);
    job.isTaken = await this.hand(job);
  }

  private async hand({ door, deliveries }: Job): Promise<boolean> {
    if (door === 'http') {
      const body = deliveries.map((delivery) => delivery.body);
      return (await this.ask('POST /v1/usage/events', { body }))?.status === 202;
    }
    const added = this.tally.queue.add([jobOf(deliveries)]).then(() => true);
    return Promise.race([added, delay(500, false, { ref: false })]);
  }

  private aRequest(): Order {
    const entity = this.random.pick(DISCIPLINED);
    const model = this.random.pick(['cw_Qwen_QwQ-32B', 'cw_deepseek-ai_DeepSeek-R1']);
    const order = this.generator.order(Date.now(), { entity, model, ttlSeconds: 900 });
    return { ...order, input: order.input + 1, output: order.output + 1 };
  }

  private async request(order: Order): Promise<void> {
    const body = bodyOf(order);
    const path = 'POST /v1/quota/reservations';
    const answer = (await this.ask(path, { body })) ?? (await this.ask(path, { body }));
    if (answer === null || answer.status !== 201) return;
    const id = answer.body.id as string;
    const how = this.chaos.weighted({ finish: 7, release: 2, hang: 1 });
    if (how === 'release') await this.ask(`POST ${path.slice(5)}/${id}/release`, {});
    if (how !== 'finish') return;
    const delivery = this.finishing(order, id);
    const isHeld = answer.body.degraded !== true && !this.redisWasLost;
    this.disciplined.spend(delivery, isHeld ? picosOf(answer.body.hold_usd as string) : 0n);
    await this.send([delivery]);
  }

  /** It costs at most what it holds. */
  private finishing(order: Order, id: string): Delivery {
    for (;;) {
      const delivery = this.finisher.finishing(order, id, Date.now());
      const { input, output } = delivery.facts!;
      if (input <= order.input && output <= order.output) return delivery;
    }
  }

  /** Everything is mended. As an outbox does, the producer sends again what nobody took, and what a lost Redis may have had. */
  private async settle(): Promise<void> {
    await this.tally.mend();
    for (const machine of this.tally.machines) await revive(machine);
    await until('everybody is ready', async () => {
      const answers = this.tally.machines.map(({ service }) => service.call('GET /readyz').catch(() => null));
      return (await Promise.all(answers)).every((answer) => answer?.status === 200);
    });
    const again = this.jobs.filter(({ isTaken }) => !isTaken || this.redisWasLost || this.chaos.chance(0.2));
    this.tell(`${again.length} of ${this.jobs.length} jobs are sent again`);
    await this.tally.queue.add(again.map(({ deliveries }) => jobOf(deliveries)));
    await this.tally.queue.drained(DRAINED_SECONDS_MAX);
    for (const { deliveries } of this.jobs) {
      for (const delivery of deliveries) this.model.deliver(delivery, Date.now());
    }
    await this.upkeep.stall();
    await runUpkeep(this.upkeep);
  }

  private async compare(): Promise<void> {
    const { sql } = this.tally;
    // Who is looked at gets what is due in this month.
    for (const entity of ENTITIES) {
      await this.tally.call(`GET /v1/entities/${entity}/balance`);
      this.model.touch(entity, Date.now());
    }
    await compareBooks(sql, this.model);
    await checkInvariants(sql, Date.now());
    assert.deepEqual(await this.tally.differences(), []);
    this.disciplined.check();
    for (const entity of ENTITIES) await this.compareDecision(entity);
  }

  /** Nothing of these is held: what Redis says by now is what the books say. */
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
