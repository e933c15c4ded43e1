/** An outbox on disk: what a resolved report promises, and what the next start does with what it finds. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { realDisk, type Disk } from '../../packages/client/src/outbox/disk.js';
import { encodeRecord } from '../../packages/client/src/outbox/segment-format.js';
import { diskWith, FIRST_SEGMENT, idsFrom, OutboxDirectory } from '../support/outbox-directory.js';
import { until } from '../support/until.js';
import { aUsageEvent } from '../support/usage-event.js';

const anEvent = (id: string) => aUsageEvent({ id });
const DAMAGED = `${FIRST_SEGMENT}.damaged`;

let directory: OutboxDirectory;

beforeEach(async () => {
  directory = await OutboxDirectory.make();
});

afterEach(() => directory.remove());

describe('a report', () => {
  it('resolves while Tally is down, but not before an fsync has covered its event', async () => {
    const steps: string[] = [];
    let letSync = () => {};
    const syncing = new Promise<void>((resolve) => (letSync = resolve));
    const disk = diskWith((file) => ({
      append: async (bytes) => {
        await file.append(bytes);
        steps.push('written');
      },
      sync: async () => {
        await syncing;
        await file.sync();
        steps.push('synced');
      },
    }));
    const { outbox } = await directory.openWhileDown({ disk });
    const report = outbox.report(anEvent('a')).then(() => steps.push('resolved'));
    await until('the event is written', () => steps.length > 0);
    for (let turns = 0; turns < 20; turns += 1) await turn();
    expect(steps).toEqual(['written']);
    letSync();
    await report;
    expect(steps).toEqual(['written', 'synced', 'resolved']);
  });

  it('resolves as soon as Tally has the event, however slow the disk is', async () => {
    let letSync = () => {};
    const syncing = new Promise<void>((resolve) => (letSync = resolve));
    const { outbox, tally } = await directory.open({ disk: diskWith(() => ({ sync: () => syncing })) });
    await outbox.report(anEvent('a'));
    expect(tally.ids).toEqual(['a']);
    letSync();
  });

  it('shares its write and its fsync with those that arrived during the last fsync', async () => {
    let syncCount = 0;
    const disk = diskWith((file) => ({ sync: () => file.sync().finally(() => (syncCount += 1)) }));
    const { report } = await directory.openWhileDown({ disk });
    await Promise.all(Array.from({ length: 50 }, (_, round) => report(idsFrom(round * 20, 20))));
    expect(syncCount).toBeLessThanOrEqual(3);
  });

  it('is refused when there is no room, the outbox says how full it is, and there is room again once Tally is up', async () => {
    const bytes = encodeRecord(anEvent('e1')).length;
    const { outbox, report, tally } = await directory.openWhileDown({ directoryBytesMax: 4 * bytes });
    await report(idsFrom(1, 4));
    expect(outbox.fillRatio()).toBe(1);
    await expect(outbox.report(anEvent('e5'))).rejects.toMatchObject({ code: 'outbox_full' });
    tally.isDown = false;
    await until('Tally has them', () => tally.ids.length === 4);
    await outbox.report(anEvent('e6'));
    expect(tally.ids).toEqual(['e1', 'e2', 'e3', 'e4', 'e6']);
  });
});

describe('the next start', () => {
  it('sends what was not acknowledged, oldest first, and then deletes it', async () => {
    const before = await directory.openWhileDown({ segmentBytesMax: 1000 });
    await before.report(idsFrom(1, 20));
    await before.outbox.close();
    expect((await directory.segments()).length).toBeGreaterThan(5);
    const { tally } = await directory.open();
    await until('Tally has them', () => tally.ids.length === 20);
    expect(tally.ids).toEqual(idsFrom(1, 20));
    await until('the segments are deleted', async () => (await directory.segments()).length === 0);
  });

  it('sends again what was acknowledged moments before, for a Redis that crashed together with this process', async () => {
    const before = await directory.open({ keepMs: 3_600_000 });
    await before.report(['a']);
    await until('the event is on disk', async () => (await directory.segments()).length === 1);
    await before.outbox.close();
    expect(before.tally.ids).toEqual(['a']);
    const { tally } = await directory.open();
    await until('Tally has it again', () => tally.ids.length > 0);
    expect(tally.ids).toEqual(['a']);
  });

  it('sends every whole record of a file whose last record a crash cut off, without calling it damaged', async () => {
    const bytes = Buffer.concat(['a', 'b', 'c'].map((id) => encodeRecord(anEvent(id))));
    await directory.leave(FIRST_SEGMENT, bytes.subarray(0, -20));
    const { tally, failures, report } = await directory.open();
    await report(['d']);
    await until('Tally has them', () => tally.ids.length === 3);
    expect(tally.ids).toEqual(['a', 'b', 'd']);
    await until('the file is deleted', async () => !(await directory.has(FIRST_SEGMENT)));
    expect(failures).toEqual([]);
  });

  it('skips a damaged record, reports it, and keeps the file for somebody to repair', async () => {
    const bytes = Buffer.concat(['a', 'b', 'c'].map((id) => encodeRecord(anEvent(id))));
    bytes[encodeRecord(anEvent('a')).length + 50] = 0;
    await directory.leave(FIRST_SEGMENT, bytes);
    const { tally, failures } = await directory.open();
    await until('the file is set aside', async () => directory.has(DAMAGED));
    expect(tally.ids).toEqual(['a', 'c']);
    expect(failures).toMatchObject([{ code: 'outbox_damaged', message: expect.stringContaining('at byte') }]);
    expect(await readFile(join(directory.path, DAMAGED))).toEqual(bytes);
  });

  it('is not held up by a file that cannot be read at all', async () => {
    await directory.leave(FIRST_SEGMENT, encodeRecord(anEvent('a')));
    await directory.leave('000000000002.segment', encodeRecord(anEvent('b')));
    const disk: Disk = {
      ...realDisk,
      read: (path) => (path.endsWith(FIRST_SEGMENT) ? Promise.reject(new Error('EIO')) : realDisk.read(path)),
    };
    const { tally, failures } = await directory.open({ disk });
    await until('the other one is sent', () => tally.ids.length === 1);
    expect(tally.ids).toEqual(['b']);
    expect(failures.at(-1)).toMatchObject({ code: 'outbox_damaged' });
    await until('the file is set aside', async () => directory.has(DAMAGED));
  });

  it('names an event that Tally refuses for good, because nobody waits for its report any more', async () => {
    const before = await directory.openWhileDown();
    await before.report(['a', 'b']);
    await before.outbox.close();
    const refused: [string, string][] = [];
    const { tally } = await directory.open(
      { onRefused: ({ id }, { code }) => void refused.push([id, code]) },
      async () => [{ index: 1, code: 'invalid_tokens', message: 'negative' }],
    );
    await until('Tally has them', () => refused.length === 1);
    expect(refused).toEqual([['b', 'invalid_tokens']]);
    expect(tally.ids).toEqual(['a', 'b']);
  });
});

describe('a long outage', () => {
  it('is caught up with oldest first, from segments that are no longer in memory', async () => {
    let readCount = 0;
    const disk: Disk = {
      ...realDisk,
      read: (path) => {
        readCount += 1;
        return realDisk.read(path);
      },
    };
    const { report, tally } = await directory.openWhileDown({ segmentBytesMax: 4000, disk });
    for (let round = 0; round < 30; round += 1) await report(idsFrom(round * 10, 10));
    const segmentCount = (await directory.segments()).length;
    tally.isDown = false;
    await until('Tally has them', () => tally.ids.length === 300);
    expect(tally.ids).toEqual(idsFrom(0, 300));
    expect(segmentCount).toBeGreaterThan(20);
    // All but the one being sent and the one being written.
    expect(readCount).toBeGreaterThanOrEqual(segmentCount - 2);
  });
});

describe('a directory', () => {
  it('belongs to one outbox at a time', async () => {
    const first = await directory.open();
    await expect(directory.open()).rejects.toMatchObject({ code: 'outbox_locked' });
    await first.outbox.close();
    await expect(directory.open()).resolves.toBeDefined();
  });

  it('whose path is too long for a lock is refused with the reason', async () => {
    const long = join(directory.path, 'x'.repeat(100));
    await expect(directory.open({ directory: long })).rejects.toMatchObject({
      code: 'outbox_locked',
      message: expect.stringContaining('shorter'),
    });
  });

  it('keeps acknowledged events for a while, and is empty after that', async () => {
    const { report, tally } = await directory.open({ keepMs: 2_000 });
    await report(['a']);
    await until('the event is on disk', async () => (await directory.segments()).length === 1);
    await until('it is deleted', async () => (await directory.segments()).length === 0);
    expect(tally.ids).toEqual(['a']);
  });
});
