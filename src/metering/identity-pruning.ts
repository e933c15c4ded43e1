/** Deletes the identities of events that nobody can send again. May run late, twice, and on two workers at once. */
import { setTimeout as delay } from 'node:timers/promises';
import { Injectable } from '@nestjs/common';
import { BUCKETS, USAGE_EVENT_BACK_MS_MAX } from '@tally/client/protocol';
import { HOUR_MS } from '../domain/buckets.js';
import { Clock } from '../platform/clock.js';
import { Database } from '../platform/database.js';
import { pruneIdentities } from './usage-identities.sql.js';

/** How much longer an identity is kept than its event is accepted: for jobs that wait in the queue. */
const SLACK_MS = 7 * 24 * 3_600_000;

/** Each hour one part of the identities is looked at, so the whole table once a week and never in one go. */
const PARTS = 7 * 24;

/** Rows that one statement looks at. */
const PAGE_ROWS = 10_000;
/** Between two pages, so that a run leaves the disks to others most of the time. */
const PAUSE_MS = 50;

/** From the first 16 bits of an identity to those after the last. */
export type BucketRange = { readonly from: number; readonly to: number };

const ALL: BucketRange = { from: 0, to: BUCKETS };

@Injectable()
export class IdentityPruning {
  constructor(
    private readonly database: Database,
    private readonly clock: Clock,
  ) {}

  /** The part of the hour. What a run that was ended left is pruned a week later. */
  async prunePart(signal?: AbortSignal): Promise<number> {
    return this.prune(rangeAt(await this.clock.bookingTime(this.database.reader)), signal);
  }

  /** Returns how many it deleted. An event as old as these is refused for its time before its identity is looked up. */
  async prune(range: BucketRange = ALL, signal?: AbortSignal): Promise<number> {
    const now = await this.clock.bookingTime(this.database.reader);
    const occurredBefore = new Date(now.getTime() - USAGE_EVENT_BACK_MS_MAX - SLACK_MS);
    const end = range.to === ALL.to ? null : firstOf(range.to);
    let pruned = 0;
    for (let after = firstOf(range.from); ;) {
      const page = await pruneIdentities(this.database.reader, { occurredBefore, after, limit: PAGE_ROWS });
      pruned += page.pruned;
      // The last page may reach into the next part.
      if (page.last === null || (end !== null && page.last >= end) || signal?.aborted === true) return pruned;
      after = page.last;
      await delay(PAUSE_MS);
    }
  }
}

/** The range that is looked at in the hour of that time. */
export function rangeAt(at: Date): BucketRange {
  const part = Math.floor(at.getTime() / HOUR_MS) % PARTS;
  const edge = (index: number) => Math.floor((index * ALL.to) / PARTS);
  return { from: edge(part), to: edge(part + 1) };
}

/** The least identity of a bucket, which no event has. */
function firstOf(bucket: number): string {
  return `${bucket.toString(16).padStart(4, '0')}0000-0000-0000-0000-000000000000`;
}
