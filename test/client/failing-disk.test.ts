/** An outbox on a disk that fails: Tally still gets the events, and no promise is given that the disk cannot keep. */
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { diskWith, FIRST_SEGMENT, OutboxDirectory } from '../support/outbox-directory.js';
import { until } from '../support/until.js';
import { aUsageEvent } from '../support/usage-event.js';

const anEvent = (id: string) => aUsageEvent({ id });

let directory: OutboxDirectory;

beforeEach(async () => {
  directory = await OutboxDirectory.make();
});

afterEach(() => directory.remove());

describe('a disk that fails', () => {
  const FULL = Object.assign(new Error('no space left on device'), { code: 'ENOSPC' });

  it('does not stop events from reaching Tally', async () => {
    const disk = diskWith(() => ({ append: () => Promise.reject(FULL) }));
    const { report, tally, failures } = await directory.open({ disk });
    await report(['a', 'b']);
    expect(tally.ids).toEqual(['a', 'b']);
    await until('the failure is told', () => failures.includes(FULL));
  });

  it('gets the events in another file once it works again', async () => {
    const disk = diskWith((file, number) => ({
      append: async (bytes) => {
        if (number > 2) return file.append(bytes);
        await file.append(bytes.subarray(0, 30));
        throw FULL;
      },
    }));
    const before = await directory.openWhileDown({ disk });
    await before.report(['a', 'b']);
    await before.outbox.close();
    const { tally } = await directory.open();
    await until('Tally has them', () => tally.ids.length === 2);
    expect(tally.ids).toEqual(['a', 'b']);
  });

  it('is not believed when an fsync succeeds after one that failed', async () => {
    const disk = diskWith((file, number) => ({
      sync: () => (number === 1 ? Promise.reject(new Error('EIO')) : file.sync()),
    }));
    const before = await directory.openWhileDown({ disk });
    await before.report(['a']);
    await before.outbox.close();
    await rm(join(directory.path, FIRST_SEGMENT));
    const { tally } = await directory.open();
    await until('Tally has it', () => tally.ids.length > 0);
    expect(tally.ids).toEqual(['a']);
  });

  it('that hangs has a bounded number of events waiting for it, while Tally gets new ones', async () => {
    let letGo = () => {};
    const hanging = new Promise<void>((resolve) => (letGo = resolve));
    const disk = diskWith(() => ({ append: () => hanging }));
    const { outbox, tally } = await directory.openWhileDown({ disk, waitingCountMax: 2 });
    const reports = [outbox.report(anEvent('a')), outbox.report(anEvent('b'))];
    await expect(outbox.report(anEvent('c'))).rejects.toMatchObject({ code: 'outbox_full' });
    tally.isDown = false;
    await Promise.all(reports);
    await outbox.report(anEvent('d'));
    expect(tally.ids).toEqual(['a', 'b', 'd']);
    letGo();
  });
});
