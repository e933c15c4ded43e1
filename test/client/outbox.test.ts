/** The outbox: an event stays until it is acknowledged, whatever happens on the way. */
import { describe, expect, it } from '@jest/globals';
import { openOutbox, type Deliver, type OutboxOptions } from '../../packages/client/src/outbox/outbox.js';
import { TallyClientError } from '../../packages/client/src/tally-client-error.js';
import { aUsageEvent } from '../support/usage-event.js';

const event = (id: string) => aUsageEvent({ id, model: 'm' });

const REFUSED_FOR_GOOD = new TallyClientError('invalid_request', 'malformed', { status: 400 });
const AWAY = new TallyClientError('unreachable', 'no answer');

/** What became of a report, watched from the start so that its rejection is never unhandled. */
const codeOf = (report: Promise<void>): Promise<string> =>
  report.then(
    () => 'acknowledged',
    (error: unknown) => (error instanceof TallyClientError ? error.code : String(error)),
  );

/** An outbox with short waits, and the ids of each batch that `deliver` got. */
async function anOutbox(
  deliver: (ids: string[]) => ReturnType<Deliver> | void,
  options: Partial<OutboxOptions> = {},
) {
  const batches: string[][] = [];
  const outbox = await openOutbox(
    async (events) => {
      const ids = events.map(({ id }) => id);
      batches.push(ids);
      return (await deliver(ids)) ?? [];
    },
    { backoffMsMin: 1, backoffMsMax: 4, ...options },
  );
  return { outbox, batches };
}

describe('an outbox', () => {
  it('delivers what is reported within a moment together, oldest first', async () => {
    const { outbox, batches } = await anOutbox(() => {});
    await Promise.all(['a', 'b', 'c'].map((id) => outbox.report(event(id))));
    expect(batches).toEqual([['a', 'b', 'c']]);
  });

  it('never delivers more than a batch at once', async () => {
    const { outbox, batches } = await anOutbox(() => {}, { batchCountMax: 2 });
    await Promise.all(['a', 'b', 'c', 'd', 'e'].map((id) => outbox.report(event(id))));
    expect(batches).toEqual([['a', 'b'], ['c', 'd'], ['e']]);
  });

  it('retries until the events are acknowledged, and resolves their reports only then', async () => {
    let failures = 0;
    const seen: unknown[] = [];
    const { outbox, batches } = await anOutbox(
      () => {
        if (failures++ < 5) throw AWAY;
      },
      { onFailure: (error) => void seen.push(error) },
    );
    await outbox.report(event('a'));
    expect(batches).toHaveLength(6);
    expect(seen).toEqual([AWAY, AWAY, AWAY, AWAY, AWAY]);
  });

  it.each([401, 403, 404, 408, 429, 500, 503])('keeps the events when Tally answers %i', async (status) => {
    let failures = 0;
    const { outbox, batches } = await anOutbox(() => {
      if (failures++ < 1) throw new TallyClientError('some_code', 'no', { status });
    });
    await outbox.report(event('a'));
    expect(batches).toEqual([['a'], ['a']]);
  });

  it('delivers an event that is reported in the moment in which the last one is acknowledged', async () => {
    const { outbox, batches } = await anOutbox(() => {});
    for (const id of ['a', 'b', 'c', 'd']) await outbox.report(event(id));
    expect(batches).toEqual([['a'], ['b'], ['c'], ['d']]);
  });

  it('names an event that is refused for good, and delivers the others', async () => {
    const { outbox } = await anOutbox(async () => [
      { index: 1, code: 'invalid_tokens', message: 'negative' },
    ]);
    const reports = await Promise.allSettled(['a', 'b', 'c'].map((id) => outbox.report(event(id))));
    expect(reports.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
    expect(reports[1]).toMatchObject({ reason: { code: 'invalid_tokens', message: 'negative' } });
  });

  it('finds the one event because of which Tally refuses a whole batch', async () => {
    const accepted: string[] = [];
    const { outbox } = await anOutbox((ids) => {
      if (ids.includes('d')) throw REFUSED_FOR_GOOD;
      accepted.push(...ids);
    });
    const reports = await Promise.allSettled('abcdefg'.split('').map((id) => outbox.report(event(id))));
    expect(accepted.join('')).toBe('abcefg');
    expect(reports.map(({ status }) => status).indexOf('rejected')).toBe(3);
    expect(reports.filter(({ status }) => status === 'rejected')).toHaveLength(1);
  });

  it('refuses an event for which it has no room, rather than growing without bound', async () => {
    let reachable = false;
    const { outbox } = await anOutbox(
      () => {
        if (!reachable) throw AWAY;
      },
      { waitingCountMax: 2 },
    );
    const kept = [outbox.report(event('a')), outbox.report(event('b'))];
    await expect(outbox.report(event('c'))).rejects.toMatchObject({ code: 'outbox_full' });
    reachable = true;
    await Promise.all(kept);
    await expect(outbox.report(event('d'))).resolves.toBeUndefined();
  });
});

describe('closing an outbox', () => {
  it('delivers what is left first', async () => {
    let failures = 0;
    const { outbox } = await anOutbox(() => {
      if (failures++ < 3) throw AWAY;
    });
    const report = outbox.report(event('a'));
    await outbox.close();
    await expect(report).resolves.toBeUndefined();
    await expect(outbox.report(event('b'))).rejects.toMatchObject({ code: 'outbox_closed' });
  });

  it('gives up in time, and rejects the reports that nobody has acknowledged', async () => {
    const { outbox } = await anOutbox(
      () => {
        throw AWAY;
      },
      { closeMs: 20 },
    );
    const report = codeOf(outbox.report(event('a')));
    await outbox.close();
    expect(await report).toBe('outbox_closed');
  });

  it('does not wait for a delivery that never ends', async () => {
    const { outbox } = await anOutbox(() => new Promise<never>(() => {}), { closeMs: 20 });
    const report = codeOf(outbox.report(event('a')));
    await outbox.close();
    expect(await report).toBe('outbox_closed');
  });
});
