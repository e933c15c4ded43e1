/** The machines' clocks, which a fault may set: each process of an installation reads its own from a file. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import type { Machine } from '../support/installation.js';
import { DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS } from './calendar.js';

/** Small, within what an event's time may be off, and beyond it: five minutes ahead, and 35 days back. */
export const JUMPS_MS = [SECOND_MS, 90 * SECOND_MS, 4 * MINUTE_MS, 6 * MINUTE_MS, 26 * HOUR_MS, 40 * DAY_MS];

/** Longer than a process takes to look. */
const SEEN_MS = 60;

export class JumpingClocks {
  private readonly directory = mkdtempSync(join(tmpdir(), 'tally-clocks-'));

  /** For the processes whose clocks may jump. */
  get environment(): Record<string, string> {
    const loaded = pathToFileURL(join(import.meta.dirname, 'clock-that-jumps.js')).href;
    return { NODE_OPTIONS: `--import=${loaded}`, CLOCK_DIRECTORY: this.directory };
  }

  /** Until the process ends or the clock is set again. */
  async set(machine: Machine, aheadMs: number): Promise<void> {
    writeFileSync(join(this.directory, String(machine.service.pid)), String(aheadMs));
    await delay(SEEN_MS);
  }

  close(): void {
    rmSync(this.directory, { recursive: true, force: true });
  }
}
