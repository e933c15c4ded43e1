/**
 * Tells whether a secret may belong to a key, without a query for it: the beginnings of all hashes are in memory from the first time
 * that somebody sends too many bad keys. They are read once, and after that only what was made since.
 */
import { Injectable } from '@nestjs/common';
import { Database } from '../platform/database.js';
import { findKeyPrefixes } from './existing-keys.sql.js';

/** 48 bits fit a number, and among a million keys a bad one passes for existing once in 281 million times. */
const PREFIX_DIGITS = 12;

/** How old an answer may be, so also how often the table is asked, however many bad keys there are. */
const FRESH_MS = 1_000;

/** A key may be committed this long after the time at which it was made. */
const OVERLAP_MS = 120_000;

@Injectable()
export class ExistingKeys {
  private readonly prefixes = new Set<number>();
  private readAtMs = -Infinity;
  private newestMadeAt = new Date(0);
  private reading: Promise<void> | null = null;

  constructor(private readonly database: Database) {}

  /** False where no key has this hash, or none that was made more than a second ago. Throws where Postgres does not answer. */
  async mayHold(hash: string): Promise<boolean> {
    const prefix = numberOf(hash);
    if (this.prefixes.has(prefix)) return true;
    if (performance.now() - this.readAtMs < FRESH_MS) return false;
    this.reading ??= this.read().finally(() => (this.reading = null));
    await this.reading;
    return this.prefixes.has(prefix);
  }

  /** A key that was made here is known at once. */
  add(hash: string): void {
    this.prefixes.add(numberOf(hash));
  }

  private async read(): Promise<void> {
    const startedAtMs = performance.now();
    const madeSince = new Date(Math.max(0, this.newestMadeAt.getTime() - OVERLAP_MS));
    const order = { madeSince, digits: PREFIX_DIGITS };
    for (const { prefix, madeAt } of await findKeyPrefixes(this.database.decisions.reader, order)) {
      this.prefixes.add(numberOf(prefix));
      if (madeAt > this.newestMadeAt) this.newestMadeAt = madeAt;
    }
    this.readAtMs = startedAtMs;
  }
}

function numberOf(hash: string): number {
  return Number.parseInt(hash.slice(0, PREFIX_DIGITS), 16);
}
