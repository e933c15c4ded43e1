import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { anInstallation, type Installation, type Machine } from '../../support/installation.js';
import { startService } from '../../support/service-process.js';
import { until } from '../../support/until.js';
import { inJobsOf, usage } from './usage.js';

let tally: Installation;
let machine: Machine;
beforeAll(async () => {
  tally = await anInstallation();
  machine = await tally.start('all');
});
afterAll(() => tally.close());

/** Lines of a log that no program can read. */
const unreadable = (log: string): string[] =>
  log.split('\n').filter((line) => line !== '' && !isLogLine(line));

function isLogLine(line: string): boolean {
  try {
    const { level, time, msg } = JSON.parse(line);
    return typeof level === 'number' && typeof time === 'string' && typeof msg === 'string';
  } catch {
    return false;
  }
}

const statusIs = (status: 'ok' | 'degraded') => async () =>
  (await machine.service.call('GET /readyz').catch(() => null))?.body?.status === status;
const work = () => tally.queue.add(inJobsOf(10, usage('logged', 200)));

describe('every line that the service prints', () => {
  it('is one JSON object, also while Redis is killed, hangs or is cut off', async () => {
    await work();
    const killedAt = performance.now();
    await tally.redis.kill();
    await until('it misses Redis', statusIs('degraded'));
    // Long enough for everybody who waits for Redis to have tried again.
    await until('a second has passed', () => performance.now() > killedAt + 1_500);
    await tally.redis.restart();
    await until('it is back', statusIs('ok'));
    await work();
    machine.wires.redis.reset();
    await machine.wires.redis.cut();
    await until('it misses Redis', statusIs('degraded'));
    await machine.wires.redis.mend();
    await until('it is back', statusIs('ok'));
    await tally.queue.drained();
    expect(unreadable(machine.service.log())).toEqual([]);
    expect(machine.service.log().match(/redis is unavailable/g)).toHaveLength(2);
    expect(machine.service.log().match(/redis is available again/g)).toHaveLength(2);
  });

  it('is one JSON object, also while Postgres is cut off', async () => {
    await machine.wires.postgres.cut();
    await work();
    await until('the jobs wait', async () => (await tally.queue.queue.getDelayedCount()) > 0);
    await machine.wires.postgres.mend();
    await tally.queue.drained();
    expect(unreadable(machine.service.log())).toEqual([]);
  });

  it('is one JSON object, also what libraries and Node print, and the error that ends it', async () => {
    // As soon as the service has taken over what is printed.
    const printing = `const timer = setInterval(() => {
      if (process.listenerCount('uncaughtException') === 0) return;
      clearInterval(timer);
      console.error(new Error('printed by a library'));
      process.emitWarning('warned by Node');
      Promise.reject(new Error('caught by nobody'));
    }, 10)`;
    const environment = { NODE_OPTIONS: `--import data:text/javascript,${encodeURIComponent(printing)}` };
    const log = await logOfFailedStart(environment);
    expect(unreadable(log)).toEqual([]);
    for (const text of ['printed by a library', 'warned by Node', 'caught by nobody'])
      expect(log).toContain(text);
  });

  it('is one JSON object, also where it does not start', async () => {
    const log = await logOfFailedStart({ DATABASE_URL: 'postgresql://127.0.0.1:1/none' });
    expect(unreadable(log)).toEqual([]);
    expect(log).toContain('DATABASE_URL names a Postgres that does not serve us');
  });
});

/** Of a process that ends by itself before it listens. */
async function logOfFailedStart(environment: Record<string, string>): Promise<string> {
  const { postgres, redis } = machine.wires;
  const start = startService({
    role: 'all',
    databaseUrl: `postgresql://nobody@127.0.0.1:${postgres.port}/none`,
    redisUrl: `redis://127.0.0.1:${redis.port}`,
    environment,
  });
  const error = await start.then(
    () => null,
    (failure: unknown) => failure,
  );
  const message = String(error);
  expect(message).toContain('the service did not start (exit code 1)');
  return message.slice(message.indexOf('): ') + 3);
}
