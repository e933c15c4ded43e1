/** When keys were last used, to the minute. A request only remembers its key; what is remembered is written once a minute. */
import { Injectable, type OnModuleDestroy } from '@nestjs/common';
import { Clock } from '../platform/clock.js';
import { Database } from '../platform/database.js';
import { noteUse } from './key-use.sql.js';

const MINUTE_MS = 60_000;

/** Keys of a statement. */
const PAGE_KEYS = 1_000;

@Injectable()
export class KeyUse implements OnModuleDestroy {
  private used = new Set<string>();
  private timer: NodeJS.Timeout | null = null;

  constructor(
    private readonly database: Database,
    private readonly clock: Clock,
  ) {}

  async onModuleDestroy(): Promise<void> {
    await this.write().catch(() => {});
  }

  add(keyId: string): void {
    this.used.add(keyId);
    // What cannot be written now is written with the next minute's.
    this.timer ??= setTimeout(() => void this.write().catch(() => {}), MINUTE_MS).unref();
  }

  /** For lists of keys, which show what is remembered here. */
  async write(): Promise<void> {
    if (this.timer !== null) clearTimeout(this.timer);
    this.timer = null;
    const ids = [...this.used];
    this.used = new Set();
    const at = new Date(Math.floor(this.clock.now().getTime() / MINUTE_MS) * MINUTE_MS);
    try {
      for (let from = 0; from < ids.length; from += PAGE_KEYS)
        await noteUse(this.database.reader, { ids: ids.slice(from, from + PAGE_KEYS), at });
    } catch (error) {
      for (const id of ids) this.used.add(id);
      throw error;
    }
  }
}
