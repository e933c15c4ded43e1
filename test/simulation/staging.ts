/** Which moments are brought about in a round, with customers of their own, and what the model makes of them. */
import type { Installation } from '../support/installation.js';
import type { Admins } from './admins.js';
import { HOUR_MS } from './calendar.js';
import type { Change } from './changes.js';
import { wrap, type Delivery, type Facts } from './facts.js';
import { ENTITIES, type Generator } from './generator.js';
import type { Model } from './model.js';
import { besideBatch, dieUnpublished, flood, overlap, publishLate } from './moments.js';
import type { PatientAdmin } from './patient-admin.js';
import type { Random } from './random.js';

const LATE_STATE = 'an old state reaches Redis after a newer one';
const OVERLAP = 'a batch begins before the one before it has committed';
const UNPUBLISHED = 'the only worker that knows of a charge dies before it is published';
const FLOOD = 'a customer floods the queue';
const BESIDE = {
  freeze: 'credits are frozen while a batch burns them',
  take: 'credits are taken back while a batch burns them',
  price: 'a first price is published while a batch counts its model',
  erase: 'a person is erased while their usage is counted',
} as const;

export const MOMENTS = [LATE_STATE, OVERLAP, UNPUBLISHED, FLOOD, ...Object.values(BESIDE)];

const MODEL = 'cw_deepseek-ai_DeepSeek-R1';
const ONLY_INPUT = {
  input: 1_000,
  cached: 0,
  written: 0,
  output: 0,
  reasoning: 0,
  searches: 0,
  tier: 'default',
  unknown: 0,
} as const;

/** In jobs of a hundred, which the workers take at once. A batch counts up to 1,000 events of one customer: in line, ten batches would come first. */
const FLOOD_EVENTS = 10_000;
const FLOOD_JOB_EVENTS = 100;
/** A flood makes a round longer. */
const FLOOD_CHANCE = 0.2;

type Stage = {
  readonly tally: Installation;
  readonly admin: PatientAdmin;
  readonly admins: Admins;
  readonly generator: Generator;
  readonly model: Model;
  readonly random: Random;
  readonly count: (name: string) => { injected: number; hit: number };
  readonly tell: (text: string) => void;
  /** Compares what Tally decides about the entity with what the model does. */
  readonly decide: (entity: string) => Promise<void>;
};

export class Staging {
  private roundCount = 0;

  constructor(private readonly at: Stage) {}

  async beforeComparison(): Promise<void> {
    this.roundCount += 1;
    await this.overlap();
    for (const what of ['freeze', 'take', 'price', 'erase'] as const) await this.beside(what);
    if (this.at.random.chance(FLOOD_CHANCE)) await this.flood();
  }

  /** Between rounds, because the next publication about the entity would repair it. */
  async afterComparison(): Promise<void> {
    await this.publishLate();
    await this.dieUnpublished();
  }

  /** Credits for one event, which Redis knows of. Afterwards they are used up. */
  private async dieUnpublished(): Promise<void> {
    const entity = `unpublished-${this.roundCount}`;
    const delivery = this.delivery({ ...ONLY_INPUT, entity, model: MODEL });
    await this.credit(entity, 1_000n);
    await this.at.decide(entity);
    await this.bringAbout(UNPUBLISHED, () => dieUnpublished(this.at.tally, delivery));
    this.count([delivery]);
    await this.at.decide(entity);
  }

  private async publishLate(): Promise<void> {
    const { tally, random } = this.at;
    const entity = random.pick(ENTITIES);
    const delivery = this.delivery({ entity });
    const overtake = async (): Promise<void> => {
      this.count([delivery]);
      await this.at.admin.change(this.at.admins.grant(entity, Date.now()));
    };
    await this.bringAbout(LATE_STATE, () => publishLate(tally, { delivery, overtake }));
    await this.at.decide(entity);
  }

  /** Two events, and credits for one and a half. */
  private async overlap(): Promise<void> {
    const entity = `racing-${this.roundCount}`;
    const use = { ...ONLY_INPUT, entity, model: MODEL };
    const pair = [this.delivery(use), this.delivery(use)] as const;
    await this.credit(entity, 1_500n);
    await this.bringAbout(OVERLAP, () => overlap(this.at.tally, pair));
    this.count(pair);
  }

  /** One event, and credits for one and a half: what is left is frozen or taken back, or all that was given is. */
  private async beside(what: keyof typeof BESIDE): Promise<void> {
    const { admin, admins, model, tally } = this.at;
    const entity = `${what}-${this.roundCount}`;
    const userId = `${entity}-user`;
    const named = what === 'price' ? `first-${this.roundCount}` : MODEL;
    const delivery = this.delivery({ entity, userId, model: named, ...ONLY_INPUT });
    await this.credit(entity, 1_500n);
    const [grant] = model.accounts.get(entity)!.grants.filter(({ hasStart }) => !hasStart);
    const of = { entity, grantId: grant!.id };
    const since = { model: named, entity: null, fromMs: Date.now() - 2 * HOUR_MS };
    const changes: Record<keyof typeof BESIDE, Change> = {
      freeze: { what: 'freeze', ...of },
      take: { what: 'take', ...of, amount: grant!.amount, isRefund: grant!.category === 'paid' },
      price: { ...admins.aPrice(), ...since },
      erase: { what: 'erase', entity, userId },
    };
    const order = (): Promise<void> => {
      // The batch has read, and the change waits for it.
      this.count([delivery]);
      return admin.change(changes[what]);
    };
    await this.bringAbout(BESIDE[what], () => besideBatch(tally, { delivery, order }));
  }

  /** Others' events come last. How many batches pass before them depends on the machine; test/slow/faults/flood says for whom nobody waits. */
  private async flood(): Promise<void> {
    const entity = `flooding-${this.roundCount}`;
    const events = Array.from({ length: FLOOD_EVENTS }, () =>
      this.delivery({ entity, project: 'web', model: MODEL, searches: 0, unknown: 0 }),
    );
    const others = ENTITIES.map((other) => this.delivery({ entity: other }));
    const jobs = Array.from({ length: FLOOD_EVENTS / FLOOD_JOB_EVENTS }, (_, index) =>
      events.slice(index * FLOOD_JOB_EVENTS, (index + 1) * FLOOD_JOB_EVENTS),
    );
    await this.bringAbout(FLOOD, async () => {
      const batches = await flood(this.at.tally, { jobs, others });
      this.at.tell(`${batches} batches of the flood came before the others`);
      return batches > 0;
    });
    this.count([...events, ...others]);
  }

  private delivery(override: Partial<Facts>): Delivery {
    return wrap(this.at.generator.facts(Date.now(), override), this.at.random);
  }

  /** An entity with credits for that many input tokens. */
  private async credit(entity: string, tokens: bigint): Promise<void> {
    const { admin, admins, model } = this.at;
    const price = model.priceFor({ model: MODEL, entity, atMs: Date.now() })!;
    await admin.change({ what: 'entity', entity, plan: 'free' });
    const amount = tokens * price.input + 1n;
    await admin.change({ ...admins.grant(entity, Date.now()), amount, expiresMs: null });
  }

  private count(deliveries: readonly Delivery[]): void {
    for (const delivery of deliveries) this.at.model.deliver(delivery, Date.now());
  }

  private async bringAbout(name: string, moment: () => Promise<boolean>): Promise<void> {
    const count = this.at.count(name);
    count.injected += 1;
    if (await moment()) count.hit += 1;
    this.at.tell(name);
  }
}
