/** Outboxes on a real disk, with short waits, in front of a Tally that may be down. */
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { realDisk, type Disk, type DiskFile } from '../../packages/client/src/outbox/disk.js';
import {
  openOutboxOn,
  type Deliver,
  type Outbox,
  type OutboxOptions,
} from '../../packages/client/src/outbox/outbox.js';
import { TallyClientError } from '../../packages/client/src/tally-client-error.js';
import { aUsageEvent } from './usage-event.js';

export const FIRST_SEGMENT = '000000000001.segment';

export const idsFrom = (first: number, count: number) =>
  Array.from({ length: count }, (_, at) => `e${first + at}`);

type OptionsOnDisk = OutboxOptions & { disk?: Disk };

/** A directory of the test's own, and the outboxes that were opened in it. */
export class OutboxDirectory {
  private outboxes: Outbox[] = [];

  private constructor(readonly path: string) {}

  static async make(): Promise<OutboxDirectory> {
    return new OutboxDirectory(await mkdtemp(join(tmpdir(), 'tally-outbox-')));
  }

  async open({ disk = realDisk, ...options }: OptionsOnDisk = {}, deliver?: Deliver) {
    const tally = { isDown: false, ids: [] as string[] };
    const failures: unknown[] = [];
    const outbox = await openOutboxOn(
      disk,
      async (events) => {
        if (tally.isDown) throw new TallyClientError('unreachable', 'no answer');
        tally.ids.push(...events.map(({ id }) => id));
        return (await deliver?.(events)) ?? [];
      },
      {
        directory: this.path,
        gatherMs: 0,
        backoffMsMin: 1,
        backoffMsMax: 4,
        closeMs: 0,
        keepMs: 0,
        onFailure: (error) => void failures.push(error),
        ...options,
      },
    );
    this.outboxes.push(outbox);
    const report = (ids: string[]) => Promise.all(ids.map((id) => outbox.report(aUsageEvent({ id }))));
    return { outbox, tally, failures, report };
  }

  async openWhileDown(options: OptionsOnDisk = {}) {
    const opened = await this.open(options);
    opened.tally.isDown = true;
    return opened;
  }

  /** Writes a file as an earlier process would have left it. */
  async leave(name: string, bytes: Buffer): Promise<void> {
    await writeFile(join(this.path, name), bytes);
  }

  async segments(): Promise<string[]> {
    return (await readdir(this.path)).filter((name) => name.endsWith('.segment')).sort();
  }

  async has(name: string): Promise<boolean> {
    return (await readdir(this.path)).includes(name);
  }

  async remove(): Promise<void> {
    await Promise.all(this.outboxes.map((outbox) => outbox.close()));
    await rm(this.path, { recursive: true, force: true });
  }
}

/** The real disk with some methods of its files replaced; files are numbered from 1. */
export function diskWith(change: (file: DiskFile, number: number) => Partial<DiskFile>): Disk {
  let number = 0;
  return {
    ...realDisk,
    create: async (path) => {
      const file = await realDisk.create(path);
      number += 1;
      return { ...file, ...change(file, number) };
    },
  };
}
