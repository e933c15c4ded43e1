import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { Intake } from '../../src/metering/intake.js';

const MIB = 1024 * 1024;

/** Fetches as BullMQ does: one job after another for as long as the intake lets it. */
function fetched(intake: Intake, queue: string, size: { events: number; bytes: number }): number {
  let count = 0;
  for (; count < intake.jobsMax(queue); count += 1) intake.take(queue, `${count}`, size);
  return count;
}

describe('the intake', () => {
  it.each([
    ['single events', { events: 1, bytes: 700 }, 2_000],
    ['hundreds', { events: 100, bytes: 70_000 }, 160],
    ['a thousand each', { events: 1_000, bytes: 700_000 }, 16],
    ['few large events', { events: 1, bytes: 4 * MIB }, 8],
    ['jobs that are larger than all memory', { events: 1_000, bytes: 100 * MIB }, 2],
  ])('bounds jobs of %s', (_, size, count) => {
    expect(fetched(new Intake(['q']), 'q', size)).toBe(count);
  });

  it('has room again for as much as is released, and none of it twice', () => {
    const job = fc.record({ events: fc.integer({ min: 1, max: 1_000 }), bytes: fc.nat(2 * MIB) });
    fc.assert(
      fc.property(fc.array(job, { maxLength: 60 }), (jobs) => {
        const intake = new Intake(['q', 'r']);
        for (const [id, size] of jobs.entries()) intake.take(id % 2 === 0 ? 'q' : 'r', `${id}`, size);
        for (const id of jobs.keys()) {
          intake.release(id % 2 === 0 ? 'q' : 'r', `${id}`);
          intake.release(id % 2 === 0 ? 'q' : 'r', `${id}`);
        }
        for (let made = 0; made < 200; made += 1) {
          intake.take('q', 'small', { events: 1, bytes: 1 });
          intake.release('q', 'small');
        }
        expect(intake.jobsMax('q')).toBe(2_000);
      }),
    );
  });
});
