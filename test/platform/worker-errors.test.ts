import { describe, expect, it, jest } from '@jest/globals';
import { Logger } from '../../src/platform/logger.js';
import { WorkerErrors } from '../../src/platform/worker-errors.js';

function aLog() {
  const logger = new Logger('silent');
  const lines: (readonly unknown[])[] = [];
  jest.spyOn(logger, 'error').mockImplementation((event, error, fields) => {
    lines.push([event, (error as Error).message, fields]);
  });
  let nowMs = 0;
  const errors = new WorkerErrors(logger, 'the worker of the usage queue', () => nowMs);
  return { errors, lines, passMs: (ms: number) => (nowMs += ms) };
}
const lost = (id: number | string) => new Error(`could not renew lock for job ${id}`);

describe('errors that a worker has with many jobs at once', () => {
  it('are one line, and ten seconds later another that says how many were like it', () => {
    const { errors, lines, passMs } = aLog();
    for (let id = 1; id <= 300; id += 1) errors.add(lost(id));
    expect(lines).toEqual([['the worker of the usage queue', 'could not renew lock for job 1', {}]]);
    passMs(10_000);
    errors.add(lost('a:1'), { queue: 'usage-1' });
    expect(lines.slice(1)).toEqual([
      ['the worker of the usage queue', 'could not renew lock for job a:1', { queue: 'usage-1', alike: 299 }],
    ]);
    passMs(10_000);
    errors.add(lost(301));
    expect(lines.at(-1)).toEqual(['the worker of the usage queue', 'could not renew lock for job 301', {}]);
  });

  it('are a line for each kind', () => {
    const { errors, lines } = aLog();
    errors.add(lost(1));
    errors.add(new Error('Missing lock for job 1. moveToFinished'));
    errors.add(new Error('Missing lock for job 2. moveToFinished'));
    errors.add(new Error('Missing lock for job 2. moveToDelayed'));
    expect(lines).toHaveLength(3);
  });

  it('are no line where they are the lost connection, which is logged by itself', () => {
    const { errors, lines } = aLog();
    errors.add(Object.assign(new Error('connect ECONNREFUSED 127.0.0.1:6379'), { code: 'ECONNREFUSED' }));
    expect(lines).toEqual([]);
  });
});
