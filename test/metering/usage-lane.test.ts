import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { Ticket, type Delivery, type Wait } from '../../src/metering/delivery.js';
import { UsageLane } from '../../src/metering/usage-lane.js';
import type { LaneWork } from '../../src/metering/parted-write.js';
import { anEvent } from '../support/builders.js';
import { until } from '../support/until.js';

const OPTIONS = { batchCountMax: 8, wideBatchCountMax: 16, waitMs: 1, asideCountMax: 1_000 };

/** What becomes of an event that is written: most are counted. */
type Fate = 'fine' | 'guilty' | 'faulty';

/** Postgres, as far as a lane sees it. */
class World implements LaneWork {
  readonly counted: string[] = [];
  readonly refused: string[] = [];
  readonly batches: string[][] = [];
  readonly locked = new Set<string>();
  isDown = false;
  private writing = 0;

  constructor(private readonly fates: ReadonlyMap<string, Fate> = new Map()) {}

  async write(batch: readonly Delivery[]): Promise<readonly Delivery[]> {
    this.writing += 1;
    await new Promise((resolve) => setImmediate(resolve));
    expect(this.writing).toBe(1);
    this.writing -= 1;
    this.batches.push(batch.map(idOf));
    if (this.isDown) throw new Error('down');
    const free = batch.filter(({ event }) => !this.locked.has(event.entity));
    const fates = new Set(free.map((delivery) => this.fates.get(idOf(delivery)) ?? 'fine'));
    if (fates.has('guilty')) throw new Error('guilty');
    if (fates.has('faulty')) throw new Error('faulty');
    this.counted.push(...free.map(idOf));
    return batch.filter(({ event }) => this.locked.has(event.entity));
  }

  async judge(error: unknown): Promise<Wait | 'content'> {
    const { message } = error as Error;
    if (message === 'guilty') return 'content';
    return message === 'down'
      ? { kind: 'server', reason: 'postgres', error }
      : { kind: 'fault', reason: 'bug', error };
  }

  async refuse(delivery: Delivery): Promise<void> {
    this.refused.push(idOf(delivery));
  }
}

function idOf({ event }: Delivery): string {
  return event.id;
}

/** One event a job, so that each has an outcome of its own: null once it is counted or a dead letter. */
class Jobs {
  readonly outcomes = new Map<string, (Wait | null)[]>();

  constructor(private readonly lane: UsageLane) {}

  add(entity: string, ...ids: string[]): void {
    this.lane.add(
      ids.map((id) => {
        const outcomes: (Wait | null)[] = [];
        this.outcomes.set(id, outcomes);
        const ticket = new Ticket(1);
        const settle = ticket.settle.bind(ticket);
        ticket.settle = (wait) => {
          outcomes.push(wait);
          settle(wait);
        };
        return { event: anEvent({ subject: `${entity}/p`, id }), body: {}, jobId: id, ticket };
      }),
    );
  }

  async settled(...ids: string[]): Promise<void> {
    const all = ids.length > 0 ? ids : [...this.outcomes.keys()];
    await until(
      'the events are settled',
      async () => all.every((id) => this.outcomes.get(id)!.length > 0),
      20,
    );
  }

  kindOf(id: string): string | null {
    return this.outcomes.get(id)![0]?.kind ?? null;
  }
}

function aLane(world: World, options: Partial<typeof OPTIONS> = {}): { lane: UsageLane; jobs: Jobs } {
  const lane = new UsageLane(world, { ...OPTIONS, ...options });
  return { lane, jobs: new Jobs(lane) };
}

const named = (prefix: string, count: number): string[] =>
  Array.from({ length: count }, (_, index) => `${prefix}${index}`);

describe('a lane', () => {
  it('writes what arrives together in one batch', async () => {
    const world = new World();
    const { jobs } = aLane(world);
    jobs.add('x', 'x0');
    jobs.add('y', 'y0');
    await jobs.settled();
    expect(world.batches).toEqual([['x0', 'y0']]);
  });

  it('counts the events of others while an entity is locked, and those of that entity once it is let go', async () => {
    const world = new World();
    const { jobs, lane } = aLane(world);
    world.locked.add('x');
    const [ofX, ofY] = [named('x', 20), named('y', 20)];
    jobs.add('x', ...ofX);
    jobs.add('y', ...ofY);
    await jobs.settled(...ofY);
    expect(world.counted.toSorted()).toEqual(ofY.toSorted());
    expect(lane.lockedCount).toBe(20);
    world.locked.delete('x');
    await jobs.settled(...ofX);
    expect(world.counted.toSorted()).toEqual([...ofX, ...ofY].toSorted());
    expect(lane.lockedCount).toBe(0);
  });

  it('gives back what exceeds its memory while an entity is locked', async () => {
    const world = new World();
    const { jobs } = aLane(world, { asideCountMax: 5 });
    world.locked.add('x');
    const ofX = named('x', 20);
    jobs.add('x', ...ofX);
    const back = () => ofX.filter((id) => jobs.outcomes.get(id)!.length > 0);
    await until('some go back', async () => back().length === 15);
    expect(back().map((id) => jobs.kindOf(id))).toEqual(Array(15).fill('locked'));
    world.locked.delete('x');
    await jobs.settled();
    expect(world.counted).toHaveLength(5);
  });

  it('gives back at once what waits for a locked entity when it closes', async () => {
    const world = new World();
    const { jobs, lane } = aLane(world);
    world.locked.add('x');
    jobs.add('x', 'x0');
    await until('it is set aside', async () => lane.lockedCount === 1);
    lane.close();
    jobs.add('x', 'x1');
    await jobs.settled();
    expect([jobs.kindOf('x0'), jobs.kindOf('x1')]).toEqual(['locked', 'locked']);
  });

  it('counts all others of a batch where one event is guilty, and refuses only that', async () => {
    const world = new World(new Map([['x3', 'guilty']]));
    const { jobs } = aLane(world);
    const [ofX, ofY] = [named('x', 8), named('y', 8)];
    jobs.add('x', ...ofX);
    jobs.add('y', ...ofY);
    await jobs.settled();
    expect(world.refused).toEqual(['x3']);
    expect(world.counted.toSorted()).toEqual([...ofX, ...ofY].filter((id) => id !== 'x3').toSorted());
  });

  it('lets only the event wait that fails for a fault of ours', async () => {
    const world = new World(new Map([['x3', 'faulty']]));
    const { jobs } = aLane(world);
    jobs.add('x', ...named('x', 8));
    jobs.add('y', ...named('y', 8));
    await jobs.settled();
    expect(world.refused).toEqual([]);
    expect([...jobs.outcomes.keys()].filter((id) => jobs.kindOf(id) !== null)).toEqual(['x3']);
    expect(jobs.kindOf('x3')).toBe('fault');
    expect(world.counted).toHaveLength(15);
  });

  it('tries an entity of which nothing can be counted a few times alone, and then no more for a while', async () => {
    const ofX = named('x', 64);
    const world = new World(new Map(ofX.map((id) => [id, 'faulty'])));
    const { jobs } = aLane(world, { batchCountMax: 100 });
    jobs.add('x', ...ofX);
    await jobs.settled();
    expect(new Set(ofX.map((id) => jobs.kindOf(id)))).toEqual(new Set(['fault']));
    const tries = world.batches.length;
    expect(tries).toBeLessThan(30);
    jobs.add('x', 'x64');
    expect(jobs.kindOf('x64')).toBe('fault');
    jobs.add('y', 'y0');
    await jobs.settled();
    expect(world.batches.slice(tries)).toEqual([['y0']]);
  });

  it('tries nothing more of a batch when a server is down', async () => {
    const world = new World();
    const { jobs } = aLane(world);
    world.isDown = true;
    jobs.add('x', ...named('x', 8));
    await jobs.settled();
    expect(world.batches).toHaveLength(1);
    expect(jobs.kindOf('x0')).toBe('server');
  });

  it('settles every event exactly once and counts none twice, whatever fails', async () => {
    const fate = fc.constantFrom<Fate>('fine', 'fine', 'fine', 'guilty', 'faulty');
    const step = fc.oneof(
      fc.record({ entity: fc.constantFrom('a', 'b', 'c'), fates: fc.array(fate, { maxLength: 12 }) }),
      fc.constantFrom('lock a', 'free a', 'down', 'up', 'turn'),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 25 }), async (steps) => {
        const fates = new Map<string, Fate>();
        const world = new World(fates);
        const { jobs, lane } = aLane(world, { asideCountMax: 10 });
        for (const each of steps) {
          if (each === 'lock a') world.locked.add('a');
          else if (each === 'free a') world.locked.delete('a');
          else if (each === 'turn') await new Promise((resolve) => setTimeout(resolve, 2));
          else if (typeof each === 'string') world.isDown = each === 'down';
          else {
            const ids = each.fates.map((one) => {
              const id = `${each.entity}${fates.size}`;
              fates.set(id, one);
              return id;
            });
            jobs.add(each.entity, ...ids);
          }
        }
        world.locked.clear();
        await jobs.settled();
        for (const [id, outcomes] of jobs.outcomes) {
          const copies = world.counted.filter((one) => one === id).length;
          const refusals = world.refused.filter((one) => one === id).length;
          expect(outcomes).toHaveLength(1);
          // What waits runs again with its job; what does not is in the books or a dead letter.
          expect(copies + refusals).toBe(outcomes[0] === null ? 1 : 0);
          expect(refusals).toBeLessThanOrEqual(fates.get(id) === 'guilty' ? 1 : 0);
        }
        expect(lane.lockedCount).toBe(0);
      }),
      { numRuns: 60 },
    );
  });
});
