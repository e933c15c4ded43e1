/**
 * Loaded before the service: its machine's clock is as many milliseconds ahead as a file says that is named by the process. Timers and
 * the monotonic clock go on as they are, as when somebody sets a machine's clock.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';

const LOOK_MS = 10;

const file = join(process.env['CLOCK_DIRECTORY'] ?? '', String(process.pid));
const RealDate = Date;
let aheadMs = 0;

setInterval(() => {
  try {
    aheadMs = Number(readFileSync(file, 'utf8'));
  } catch {
    aheadMs = 0;
  }
}, LOOK_MS).unref();

globalThis.Date = class extends RealDate {
  constructor(...given) {
    if (given.length === 0) super(RealDate.now() + aheadMs);
    else super(...given);
  }

  static now() {
    return RealDate.now() + aheadMs;
  }
};
