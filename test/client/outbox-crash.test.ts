/** The promise of the outbox on disk, in any order of steps that a scheduler chooses. */
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { openOutboxOn, type Deliver, type Outbox } from '../../packages/client/src/outbox/outbox.js';
import { aUsageEvent } from '../support/usage-event.js';
import { SimulatedDisk, type Fault } from '../support/simulated-disk.js';

const STEP_COUNT_MAX = 5000;

/** A gateway whose disk, network and crashes are chosen by fast-check, one step at a time. */
class Story {
  readonly safeIds = new Set<string>();
  readonly deliveredIds = new Set<string>();
  private disk: SimulatedDisk;
  private outbox: Outbox | null = null;
  private eventCount = 0;
  private life = 0;
  private isCalm = false;
  private openReports = new Set<string>();

  constructor(
    private readonly scheduler: fc.Scheduler,
    private readonly choose: fc.GeneratorValue,
    private readonly tallyIsAway: boolean,
    private readonly options: { segmentBytesMax: number; directoryBytesMax: number; keepMs: number },
  ) {
    this.disk = new SimulatedDisk((operation) => this.operate(operation));
  }

  async start(): Promise<void> {
    const { life, disk } = this;
    const deliver: Deliver = async (events) => {
      const fault = await this.operate('deliver');
      if (life !== this.life) return new Promise(() => {});
      // An answer may be lost although the events have arrived.
      if (fault !== 'fails') for (const { id } of events) this.deliveredIds.add(id);
      if (fault !== 'none') throw new Error('Tally is down');
      return [];
    };
    const hurry = { gatherMs: 0, backoffMsMin: 0, backoffMsMax: 0, closeMs: 1, batchCountMax: 3 };
    this.outbox = await openOutboxOn(disk, deliver, { ...hurry, ...this.options, directory: 'd' });
  }

  report(): void {
    this.eventCount += 1;
    const id = `e${this.eventCount}`;
    const open = this.openReports;
    open.add(id);
    this.outbox?.report(aUsageEvent({ id })).then(
      () => open === this.openReports && open.delete(id) && this.safeIds.add(id),
      () => open.delete(id),
    );
  }

  async crash(): Promise<void> {
    this.life += 1;
    this.openReports = new Set();
    this.disk = this.disk.crash({
      length: (min, max) => this.choose(fc.integer, { min, max }),
      returns: () => this.choose(fc.boolean),
    });
    await this.start();
  }

  recall(): void {
    this.outbox?.resendRecent();
  }

  async step(): Promise<void> {
    await settled();
    if (this.scheduler.count() > 0) await this.scheduler.waitOne();
    await settled();
  }

  /** Lets everything succeed until all safe events have arrived and every report is settled. */
  async end(): Promise<void> {
    this.isCalm = true;
    for (let step = 0; this.unfinishedIds().length > 0 && step < STEP_COUNT_MAX; step += 1) await this.step();
  }

  unfinishedIds(): string[] {
    return [...this.safeIds].filter((id) => !this.deliveredIds.has(id)).concat(...this.openReports);
  }

  private async operate(operation: string): Promise<Fault> {
    await this.scheduler.schedule(Promise.resolve(), operation);
    if (this.isCalm) return 'none';
    if (this.tallyIsAway && operation === 'deliver') return 'fails';
    return this.choose(faultOf, operation);
  }
}

/** A file that stays unreadable is set aside and reported, which is another guarantee. */
function faultOf(operation: string): fc.Arbitrary<Fault> {
  if (operation === 'read') return fc.constant('none');
  return fc.oneof(
    { weight: operation === 'deliver' ? 2 : 8, arbitrary: fc.constant<Fault>('none') },
    { weight: 1, arbitrary: fc.constantFrom<Fault>('fails', 'fails half way') },
  );
}

/** Resolves when every promise and callback of this turn has run. */
async function settled(): Promise<void> {
  for (let turn = 0; turn < 3; turn += 1) await new Promise((resolve) => setImmediate(resolve));
}

const action = fc.oneof(
  { weight: 4, arbitrary: fc.constant('report' as const) },
  { weight: 6, arbitrary: fc.constant('step' as const) },
  { weight: 1, arbitrary: fc.constant('crash' as const) },
  { weight: 1, arbitrary: fc.constant('recall' as const) },
);

const options = fc.record({
  segmentBytesMax: fc.constantFrom(1, 800, 2000),
  directoryBytesMax: fc.constantFrom(3000, 1_000_000),
  keepMs: fc.constantFrom(0, 5000),
});

describe('an outbox on disk', () => {
  it('delivers every event whose report had resolved, in any order of reports, writes, faults, deliveries and crashes', async () => {
    let safeCount = 0;
    await fc.assert(
      fc.asyncProperty(
        fc.scheduler(),
        fc.gen(),
        fc.boolean(),
        options,
        fc.array(action, { minLength: 10, maxLength: 120, size: 'max' }),
        async (scheduler, choose, tallyIsAway, options, actions) => {
          const story = new Story(scheduler, choose, tallyIsAway, options);
          await story.start();
          for (const action of actions) await story[action]();
          if (choose(fc.boolean)) await story.crash();
          await story.end();
          safeCount += story.safeIds.size;
          expect(story.unfinishedIds()).toEqual([]);
        },
      ),
      { numRuns: 400 },
    );
    expect(safeCount).toBeGreaterThan(300);
  });
});
