/** An admin who retries each call under one idempotency key until it is answered, whatever breaks meanwhile. */
import assert from 'node:assert/strict';
import type { Answer, CallOptions } from '../support/app.js';
import { until } from '../support/until.js';
import type { TestQueue } from '../support/usage-queue.js';
import { concerned } from './admin-calls.js';
import { apply, requestOf, type Change } from './changes.js';
import { isOfConflicts, resolvedBy } from './conflicts.js';
import { paidFor, type Paid } from './corrections.js';
import { damage } from './damage.js';
import { CHARGEABLE, type Sql } from './invariants.js';
import type { Model } from './model.js';
import type { Random } from './random.js';

const ANSWER_SECONDS_MAX = 180;

/** Null where no API answered, or one answered that it is unavailable. */
export type Ask = (request: string, options: CallOptions) => Promise<Answer | null>;

type Asking = {
  readonly ask: Ask;
  readonly sql: Sql;
  readonly upkeep: TestQueue;
  readonly model: Model;
  readonly random: Random;
  readonly tell: (text: string) => void;
};

export class PatientAdmin {
  private keyCount = 0;

  constructor(
    private readonly name: string,
    private readonly asking: Asking,
  ) {}

  /** Asks for the change and makes it in the model. Nothing else may run: the model does not know the order of concurrent work. */
  async change(change: Change): Promise<void> {
    const { model, tell } = this.asking;
    const paid = await this.paidFor(change);
    if (change.what === 'repair') await this.damage(change.entity);
    const { request, body } = requestOf(change);
    const { status, text, body: made } = await this.answer(request, body);
    tell(`${request} ${JSON.stringify(body)}: ${status}`);
    assert.ok(status < 300, `${request}: ${text}`);
    // The price is published, and usage that waited for it is charged at once or by the scheduled job.
    if (change.what === 'price') await this.charged();
    const resolved = isOfConflicts(change) ? await this.found((sql) => resolvedBy(sql, change)) : [];
    apply(change, model, { id: String(made.id), nowMs: Date.now(), paid, resolved });
  }

  async answer(request: string, body: unknown): Promise<Answer> {
    const headers = { 'idempotency-key': `${this.name} ${this.keyCount++}` };
    const answers: Answer[] = [];
    await until(
      `an answer to ${request}`,
      async () => {
        const answer = await this.asking.ask(request, { body, headers });
        if (answer !== null && !isStillRunning(answer)) answers.push(answer);
        return answers.length > 0;
      },
      ANSWER_SECONDS_MAX,
    );
    return answers[0]!.status === 202 ? this.ended(answers[0]!) : answers[0]!;
  }

  /** What takes long is a job, which goes on. */
  private async ended(begun: Answer): Promise<Answer> {
    const answers: Answer[] = [];
    const isOver = async (): Promise<boolean> => {
      const answer = await this.asking.ask(`GET /v1/admin/jobs/${begun.body.id}`, {});
      if (/^(done|failed)$/.test(answer?.body.status)) answers.push(answer!);
      return answers.length > 0;
    };
    await until('the job has ended', isOver, ANSWER_SECONDS_MAX);
    assert.equal(answers[0]!.body.status, 'done', answers[0]!.text);
    return answers[0]!;
  }

  /** Damages the books by hand, and repairs them while events are counted. */
  async repair(entity: string): Promise<void> {
    await this.damage(entity);
    const { status, text } = await this.answer('POST /v1/admin/reconciliation/repair', { entity });
    assert.ok(status < 300, text);
  }

  /** Postgres may be unavailable: then nothing is damaged. */
  private async damage(entity: string): Promise<void> {
    const { sql, random } = this.asking;
    await sql(damage(random, 'is served'), [entity]).catch(() => []);
  }

  private paidFor(change: Change): Promise<Paid> {
    return this.found((sql) => paidFor(sql, concerned(change, this.asking.model)));
  }

  /** What Postgres says, once it is available. */
  private async found<Found>(find: (sql: Sql) => Promise<Found>): Promise<Found> {
    const all: Found[] = [];
    const look = async (): Promise<boolean> => {
      const found = await find(this.asking.sql).catch((error: unknown) => {
        if (error instanceof assert.AssertionError) throw error;
      });
      if (found !== undefined) all.push(found);
      return all.length > 0;
    };
    await until('Postgres answers', look, ANSWER_SECONDS_MAX);
    return all[0]!;
  }

  private async charged(): Promise<void> {
    const { sql, upkeep } = this.asking;
    let count = 0;
    await until(
      'what has a price is charged',
      async () => {
        const open = await sql(CHARGEABLE).catch(() => null);
        if (open?.length === 0) return true;
        if (count++ % 50 === 0) void upkeep.add([{}], 'charge-unpriced').catch(() => {});
        return false;
      },
      ANSWER_SECONDS_MAX,
    );
  }
}

/** The first attempt is still running, and its answer was lost. */
function isStillRunning({ status, body }: Answer): boolean {
  return status === 409 && /is still running/.test(body.error.message);
}
